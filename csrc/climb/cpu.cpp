// ctk::share_counts on the CPU. README.md has the algorithm.
#include <cmath>
#include <cstdint>
#include <memory>

#include "../common/isa.h"
#include "../common/parallel.h"
#include "../common/stable.h"
#include "line.h"
#include "tile.h"

#define CTK_KERNELS "../climb/kernels.inl"
#include "../common/each_isa.h"

namespace ctk {

Tensor share_counts(const Tensor& scores, const Tensor& targets, const Tensor& weights, const Tensor& shares) {
  for (const Tensor* each : {&scores, &targets, &weights, &shares})
    require(each->scalar_type() == ScalarType::Float, "share_counts: float32 is needed");
  require(scores.dim() == 3 && targets.dim() == 3 && weights.dim() == 1 && shares.dim() == 1,
          "share_counts: scores (M, n, G), targets (M, n, P), weights (M,) and shares (K,) are needed");
  require(targets.size(0) == scores.size(0) && targets.size(1) == scores.size(1) && weights.size(0) == scores.size(0),
          "share_counts: scores, targets and weights are of different sizes");
  require(scores.size(0) > 0 && targets.size(2) > 0 && shares.size(0) > 0,
          "share_counts: there is no member, no positive or no share");
  require(shares.size(0) < INT32_MAX && scores.size(2) < INT32_MAX / 2, "share_counts: a size is beyond 2^30");
  const bool even = scores.size(2) <= 1 || scores.stride(2) == 1;
  const Tensor kept_scores = even ? scores : packed(scores);
  const Tensor kept_targets = packed(targets), kept_weights = packed(weights);
  const Tensor kept_shares = packed(shares);

  const climb::Tile tile{pointer<const float>(kept_scores), pointer<const float>(kept_targets),
                         pointer<const float>(kept_weights), scores.size(0), scores.size(1), scores.size(2),
                         targets.size(2), kept_scores.stride(0), kept_scores.stride(1)};
  const auto grid = climb::Grid::of(pointer<const float>(kept_shares), static_cast<int32_t>(shares.size(0)));
  const Tensor counts = ctk::empty(scores, {tile.members, tile.rows, int64_t{grid.size}}, ScalarType::Int);
  const auto count_row = PICK(isa(), count_row);
  parallel(0, tile.rows, [&](int64_t first, int64_t last, int) {
    const std::unique_ptr<float[]> blend(new float[tile.columns + tile.positives]);
    const std::unique_ptr<climb::Segment[]> segments(new climb::Segment[grid.size]);
    for (int64_t row = first; row < last; ++row)
      count_row(tile, row, grid, blend.get(), segments.get(), pointer<int32_t>(counts) + row * grid.size,
                tile.rows * grid.size);
  });
  return counts;
}

}  // namespace ctk

STABLE_TORCH_LIBRARY_IMPL(ctk, CPU, m) { m.impl("share_counts", TORCH_BOX(&ctk::share_counts)); }
