// ctk::share_counts on a CUDA device. README.md has the algorithm.
#include "../common/cuda.h"
#include "arguments.h"
#include "device.h"

namespace ctk {

namespace {

Tensor share_counts(const Tensor& scores, const Tensor& targets, const Tensor& weights, const Tensor& shares) {
  Device device(scores);
  const climb::Arguments arguments(scores, targets, weights, shares);
  require(arguments.grid_size() <= climb::kMany, "share_counts: more than 1024 shares on a CUDA device");
  const Tensor counts = arguments.counts();
  climb::share_counts(device, arguments.tile(), arguments.grid_shares(), arguments.grid_size(),
                      pointer<int32_t>(counts));
  return counts;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ctk, CUDA, m) { m.impl("share_counts", TORCH_BOX(&share_counts)); }

}  // namespace ctk
