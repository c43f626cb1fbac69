// The launches of a call, on a device or on its emulation.
#pragma once

#include "kernels.cuh"

namespace ctk::climb {

// The grid of hundredths has 101 shares. 1,024 take half of the shared memory that a block has without asking.
constexpr int32_t kFew = 128, kMany = 1024;

// counts (M, n, K); shares (K,), at most kMany of them.
template <class Device>
void share_counts(Device& device, const Tile& tile, const float* shares, int32_t grid_size, int32_t* counts) {
  float* blended = device.template buffer<float>(tile.rows * tile.columns);
  float* blended_targets = device.template buffer<float>(tile.rows * tile.positives);
  const auto blend_of = [&](const float* from, int64_t member_stride, int64_t row_stride, int64_t columns, float* to) {
    const int64_t blocks = (tile.rows * columns + kThreads - 1) / kThreads;
    device.launch(blend, blocks, kThreads, from, member_stride, row_stride, tile.weights, tile.members, tile.rows,
                  columns, to);
  };
  blend_of(tile.scores, tile.member_stride, tile.row_stride, tile.columns, blended);
  blend_of(tile.targets, tile.rows * tile.positives, tile.positives, tile.positives, blended_targets);
  device.launch(grid_size <= kFew ? count<kFew> : count<kMany>, tile.rows * tile.members, kThreads, tile,
                static_cast<const float*>(blended), static_cast<const float*>(blended_targets), shares, grid_size,
                counts);
}

}  // namespace ctk::climb
