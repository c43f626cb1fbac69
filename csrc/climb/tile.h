// What one call counts over: M members' scores of n queries and G gallery entries, and the scores of the positives.
#pragma once

#include <cstdint>

#include "../common/both.h"

namespace ctk::climb {

struct Tile {
  const float* scores;   // [m * member_stride + row * row_stride + column]
  const float* targets;  // (M, n, P), without gaps
  const float* weights;  // (M,)
  int64_t members, rows, columns, positives;
  int64_t member_stride, row_stride;

  CTK_BOTH const float* row(int64_t m, int64_t r) const { return scores + m * member_stride + r * row_stride; }
  CTK_BOTH const float* target(int64_t m, int64_t r) const { return targets + (m * rows + r) * positives; }
};

}  // namespace ctk::climb
