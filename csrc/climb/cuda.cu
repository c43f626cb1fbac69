// ctk::share_counts on a CUDA device. README.md has the algorithm.
#include "../common/cuda.h"
#include "arguments.h"
#include "kernels.cuh"

namespace ctk {

namespace {

// The grid of hundredths has 101 shares. 1,024 take half of the shared memory that a block has without asking.
constexpr int kFew = 128, kMany = 1024;

Tensor share_counts(const Tensor& scores, const Tensor& targets, const Tensor& weights, const Tensor& shares) {
  require(shares.size(0) <= kMany, "share_counts: more than 1024 shares on a CUDA device");
  Device device(scores);
  const climb::Arguments arguments(scores, targets, weights, shares);
  const climb::Tile tile = arguments.tile();
  const Tensor counts = arguments.counts();
  float* blended = device.buffer<float>(tile.rows * tile.columns);
  float* blended_targets = device.buffer<float>(tile.rows * tile.positives);
  const auto blend = [&](const float* from, int64_t member_stride, int64_t row_stride, int64_t columns, float* to) {
    const int64_t blocks = (tile.rows * columns + climb::kThreads - 1) / climb::kThreads;
    device.launch(climb::blend, blocks, climb::kThreads, from, member_stride, row_stride, tile.weights, tile.members,
                  tile.rows, columns, to);
  };
  blend(tile.scores, tile.member_stride, tile.row_stride, tile.columns, blended);
  blend(tile.targets, tile.rows * tile.positives, tile.positives, tile.positives, blended_targets);
  device.launch(arguments.grid_size() <= kFew ? climb::count<kFew> : climb::count<kMany>, tile.rows * tile.members,
                climb::kThreads, tile, blended, blended_targets, arguments.grid_shares(), arguments.grid_size(),
                pointer<int32_t>(counts));
  return counts;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ctk, CUDA, m) { m.impl("share_counts", TORCH_BOX(&share_counts)); }

}  // namespace ctk
