#include "rows.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <numeric>

#include "cells.h"

namespace numbers {
namespace {

// Large enough that taking one costs nothing, small enough that what is read to count its lines is still in the second
// cache when they are parsed, and that threads end together.
constexpr int64_t kPiece = 256 << 10;

int64_t lines_in(const char* begin, const char* end) {
  int64_t lines = 0;
  while (begin != end) {
    begin = static_cast<const char*>(std::memchr(begin, '\n', static_cast<size_t>(end - begin))) + 1;
    ++lines;
  }
  return lines;
}

// `prefix<n>`: up to 18 digits, which fit, and no zero in front, which would give an id two names.
bool read_id(std::string_view cell, std::string_view prefix, int64_t& id) {
  if (!cell.starts_with(prefix)) return false;
  cell.remove_prefix(prefix.size());
  if (cell.empty() || cell.size() > 18 || (cell[0] == '0' && cell.size() > 1) || cell[0] == '-') return false;
  const auto [after, problem] = std::from_chars(cell.begin(), cell.end(), id);
  return problem == std::errc() && after == cell.end();
}

// Reads a piece, whose first row is the first of `rows`; false where a line is no row.
bool read_piece(const char* line, const char* end, const Text& text, Rows rows) {
  const auto columns = static_cast<size_t>(rows.columns);
  std::vector<const char*> ends(columns + 1 + kWindow);
  for (; line != end; rows.values += columns, ++rows.ids) {
    if (find_cells(line, end, rows.columns + 1, ends.data()) != rows.columns + 1) return false;
    const char* const last = ends[columns];
    ends[columns] -= last[-1] == '\r';
    if (!read_id({line, ends[0]}, rows.prefix, *rows.ids)) return false;
    for (size_t column = 0; column < columns; ++column)
      if (!read_cell(ends[column] + 1, ends[column + 1], text, rows.values[column])) return false;
    line = last + 1;
  }
  return true;
}

}  // namespace

std::vector<const char*> cut(const Text& text) {
  std::vector<const char*> pieces;
  for (const char* at = text.begin; at != text.end;) {
    pieces.push_back(at);
    const char* const next = at + std::min<int64_t>(kPiece, text.end - at) - 1;
    at = static_cast<const char*>(std::memchr(next, '\n', static_cast<size_t>(text.end - next))) + 1;
  }
  pieces.push_back(text.end);
  return pieces;
}

std::vector<int64_t> count_lines(const std::vector<const char*>& pieces, ctk::Pool& pool) {
  std::vector<int64_t> before(pieces.size());
  pool.run(static_cast<int64_t>(pieces.size()) - 1, [&](int64_t piece) {
    const auto i = static_cast<size_t>(piece);
    before[i + 1] = lines_in(pieces[i], pieces[i + 1]);
  });
  std::partial_sum(before.begin(), before.end(), before.begin());
  return before;
}

bool read_rows(const Text& text, const std::vector<const char*>& pieces, const std::vector<int64_t>& before,
               const Rows& rows, ctk::Pool& pool) {
  std::atomic<bool> fine{true};
  pool.run(static_cast<int64_t>(pieces.size()) - 1, [&](int64_t piece) {
    const auto i = static_cast<size_t>(piece);
    const Rows from{rows.prefix, rows.columns, rows.ids + before[i], rows.values + before[i] * rows.columns};
    if (fine.load(std::memory_order_relaxed) && !read_piece(pieces[i], pieces[i + 1], text, from)) fine = false;
  });
  return fine;
}

}  // namespace numbers
