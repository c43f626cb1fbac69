// ctk::share_counts on the CPU. README.md has the algorithm.
#include <cstdint>
#include <memory>

#include "../common/isa.h"
#include "../common/parallel.h"
#include "../common/stable.h"
#include "arguments.h"
#include "line.h"

#define CTK_KERNELS "../climb/kernels.inl"
#include "../common/each_isa.h"

namespace ctk {

namespace {

Tensor share_counts(const Tensor& scores, const Tensor& targets, const Tensor& weights, const Tensor& shares) {
  const climb::Arguments arguments(scores, targets, weights, shares);
  const climb::Tile tile = arguments.tile();
  const auto grid = climb::Grid::of(arguments.grid_shares(), arguments.grid_size());
  const Tensor counts = arguments.counts();
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

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ctk, CPU, m) { m.impl("share_counts", TORCH_BOX(&share_counts)); }

}  // namespace ctk
