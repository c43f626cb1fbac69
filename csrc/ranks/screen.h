// Screening: what a product of rounded vectors proves about the exact score, and what is left to decide exactly.
#pragma once

#include <cstdint>

namespace ctk {

// Rows as float32, `stride` floats apart, with each row's Euclidean norm (rounded up).
struct Lines {
  const float* data;
  int64_t stride, count, length;
  const float* norm;

  const float* row(int64_t number) const { return data + number * stride; }
};

// |screened - exact| <= margin * norm[j] + least for query i and gallery row j; the same for a plain float32 sum. inf
// where nothing can be said.
struct Margins {
  const float *margin, *margin_float;
  float least;
};

// The gallery rows that are positives of query i are those whose class is starts[i].
struct Positives {
  const int64_t *order, *starts, *ends, *classes;
};

// Counts of one query against the gallery rows seen so far.
struct Counts {
  int64_t *greater, *equal;
};

constexpr int64_t kNotFinite = -1;
constexpr int64_t kNoPositive = -2;

}  // namespace ctk
