// Counts along a grid of shares on a GPU.
#pragma once

#include "../common/simt.cuh"
#include "line.h"
#include "tile.h"

namespace ctk::climb {

constexpr int kThreads = 256;

// to[row * columns + column] = sum of weights[m] * from[...], one rounding a product and one a sum, in the order of the
// members. A thread an entry.
__global__ void __launch_bounds__(kThreads)
blend(const float* from, int64_t member_stride, int64_t row_stride, const float* weights, int64_t members, int64_t rows,
      int64_t columns, float* to) {
  const int64_t place = int64_t(blockIdx.x) * kThreads + threadIdx.x;
  if (place >= rows * columns) return;
  const float* scores = from + place / columns * row_stride + place % columns;
  float total = product(scores[0], weights[0]);
  for (int64_t m = 1; m < members; ++m) total += product(scores[m * member_stride], weights[m]);
  to[place] = total;
}

// A block a query and a member; those of one query follow each other, as they read the same blended scores. kPlaces: room
// for so many shares. counts[(m * rows + row) * grid_size + k].
template <int kPlaces>
__global__ void __launch_bounds__(kThreads)
count(Tile tile, const float* blended, const float* blended_targets, const float* shares, int32_t grid_size,
      int32_t* counts) {
  __shared__ float grid_shares[kPlaces];
  __shared__ int32_t changes[kPlaces];  // at first the best positive of each place
  __shared__ Segment segments[kPlaces];
  __shared__ int32_t segment_count;
  const int thread = threadIdx.x;
  const int64_t m = blockIdx.x % tile.members, row = blockIdx.x / tile.members;
  const float* blend_line = blended + row * tile.columns;
  const float* member_line = tile.row(m, row);
  const float* blend_targets = blended_targets + row * tile.positives;
  const float* member_targets = tile.target(m, row);

  for (int32_t k = thread; k < grid_size; k += kThreads) {
    grid_shares[k] = shares[k];
    changes[k] = best_positive(shares[k], blend_targets, member_targets, tile.positives);
  }
  __syncthreads();
  const Grid grid = Grid::of(grid_shares, grid_size);
  if (thread == 0)
    segment_count = cut(grid, blend_targets, member_targets, [&](int32_t k) { return changes[k]; }, segments);
  __syncthreads();
  for (int32_t k = thread; k < grid_size; k += kThreads) changes[k] = 0;
  __syncthreads();

  const auto add = [&](int32_t k, int32_t change) { atomicAdd(&changes[k], change); };
  for (int32_t part = 0; part < segment_count; ++part) {
    const Segment segment = segments[part];
    const float low = grid_shares[segment.begin], high = grid_shares[segment.end - 1];
    int32_t above = 0;
    for (int64_t column = thread; column < tile.columns; column += kThreads) {
      const float margin = blend_line[column] - segment.blend;
      const float slope = (member_line[column] - segment.member) - margin;
      const float at_low = lead(margin, slope, low), at_high = lead(margin, slope, high);
      above += at_low > 0;
      // False for NaN.
      if (product(at_low, at_high) <= 0) add_crossing(grid, segment, margin, slope, guess(grid, margin, slope), add);
    }
    above = warp_sum(above);
    if (thread % kWarp == 0 && above) add(segment.begin, 2 * above);
  }
  __syncthreads();

  int32_t* line = counts + (m * tile.rows + row) * grid_size;
  for (int32_t part = 0; part < segment_count; ++part) {
    const Segment segment = segments[part];
    // Each place adds up its own changes: short and all at once, where one sum after another would keep threads waiting.
    for (int32_t k = segment.begin + thread; k < segment.end; k += kThreads) {
      int32_t total = 0;
      for (int32_t before = segment.begin; before <= k; ++before) total += changes[before];
      line[k] = total;
    }
  }
}

}  // namespace ctk::climb
