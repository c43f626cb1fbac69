// One gallery entry along a grid of shares: the arithmetic that the CPU and the CUDA kernel have in common.
//
// With `margin` = blended score of the entry - blended score of the positive, and `slope` = the same margin under the
// member - margin, the entry's lead over the positive at a share is margin + share * slope. Rounded products and rounded
// sums grow with the share as the exact ones do, so on an ascending grid the computed lead changes its sign at most once,
// and what is counted is the computed sign itself. No fused multiply-add, so that every machine counts the same.
#pragma once

#include <cstdint>

#include "../common/both.h"

namespace ctk::climb {

// What a product has to pass before it is added to, where the compiler would fuse the two.
CTK_BOTH float rounded(float product) {
#if defined(__CUDA_ARCH__)
  return __fmul_rn(product, 1.0f);
#elif defined(__x86_64__)
  asm("" : "+x"(product));
#elif defined(__aarch64__)
  asm("" : "+w"(product));
#else
  volatile float kept = product;
  product = kept;
#endif
  return product;
}

CTK_BOTH float product(float a, float b) {
#if defined(__CUDA_ARCH__)
  return __fmul_rn(a, b);
#else
  return rounded(a * b);
#endif
}

CTK_BOTH float lead(float margin, float slope, float share) { return margin + product(share, slope); }

// Ascending shares. An even grid is quick; any other is right as well.
struct Grid {
  const float* shares;
  int32_t size;
  float first, per_share;  // per_share: steps of the grid in a difference of 1

  CTK_BOTH static Grid of(const float* shares, int32_t size) {
    const float width = shares[size - 1] - shares[0];
    return {shares, size, shares[0], width > 0 ? (size - 1) / width : 0.0f};
  }
};

// A part [begin, end) of the grid in which one positive is the best of its query, and that positive's two scores.
struct Segment {
  int32_t begin, end;
  float blend, member;
};

// Which positive leads at a share; the first of equals. Positive p has the scores blends[p] and members[p].
CTK_BOTH int32_t best_positive(float share, const float* blends, const float* members, int32_t positives) {
  int32_t best = 0;
  float top = lead(blends[0], members[0] - blends[0], share);
  for (int32_t p = 1; p < positives; ++p) {
    const float score = lead(blends[p], members[p] - blends[p], share);
    if (score > top) top = score, best = p;
  }
  return best;
}

// Cuts the grid where best(k), the best positive at place k, changes. At most grid.size segments; returns their number.
template <class Best>
CTK_BOTH int32_t cut(const Grid& grid, const float* blends, const float* members, const Best& best, Segment* segments) {
  int32_t count = 0, before = -1;
  for (int32_t k = 0; k < grid.size; ++k) {
    const int32_t p = best(k);
    if (p != before) segments[count++] = {k, k, blends[p], members[p]};
    segments[count - 1].end = k + 1;
    before = p;
  }
  return count;
}

// Where on the grid the lead is zero, roughly, in steps from its first share.
CTK_BOTH float guess(const Grid& grid, float margin, float slope) {
  return (-margin / slope - grid.first) * grid.per_share;
}

// An entry whose lead is not of one sign over the segment: add(k, change) for each place k of the segment where its count,
// in halves (2 above the positive, 1 level with it, 0 below), is another than one place before. At segment.begin the
// change is from 2 where the lead there is above zero and from 0 elsewhere, which is what the caller has counted.
template <class Add>
CTK_BOTH void add_crossing(const Grid& grid, const Segment& segment, float margin, float slope, float guess, Add add) {
  if (slope == 0) {
    if (margin == 0) add(segment.begin, 1);
    return;
  }
  const int32_t change = slope > 0 ? 1 : -1;
  if (slope < 0) {
    if (lead(margin, slope, grid.shares[segment.begin]) == 0) add(segment.begin, 2);
    margin = -margin, slope = -slope;
  }
  const float low = static_cast<float>(segment.begin), high = static_cast<float>(segment.end - 1);
  // A guess that is not a number fails both comparisons.
  int32_t level = guess > low ? (guess < high ? static_cast<int32_t>(guess) + 1 : segment.end - 1) : segment.begin;
  while (level > segment.begin && lead(margin, slope, grid.shares[level - 1]) >= 0) --level;
  while (level < segment.end && lead(margin, slope, grid.shares[level]) < 0) ++level;
  if (level < segment.end) add(level, change);
  int32_t above = level;
  while (above < segment.end && lead(margin, slope, grid.shares[above]) == 0) ++above;
  if (above < segment.end) add(above, change);
}

}  // namespace ctk::climb
