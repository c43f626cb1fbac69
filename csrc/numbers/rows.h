// Rows of an id and numbers, in text.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "../common/pool.h"
#include "decimal.h"

namespace numbers {

// Where pieces of whole lines begin in a text whose last character is a line end, and where the last one ends.
std::vector<const char*> cut(const Text& text);

// The lines before each piece, and all of them.
std::vector<int64_t> count_lines(const std::vector<const char*>& pieces, ctk::Pool& pool);

// Where rows come from, and where they go: lines of `prefix<n>` and `columns` numbers, with commas between them.
struct Rows {
  std::string_view prefix;
  int64_t columns;
  int64_t* ids;
  double* values;
};

// Reads the lines of pieces. Returns false, with some rows written, where a line is no such row.
bool read_rows(const Text& text, const std::vector<const char*>& pieces, const std::vector<int64_t>& before,
               const Rows& rows, ctk::Pool& pool);

}  // namespace numbers
