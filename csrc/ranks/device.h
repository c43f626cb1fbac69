// The ops on a GPU: which kernels and products run, in which order. `Device` is CUDA (cuda.cu), or the tests' emulation of
// it; it has buffer<T>(count), keys(), zero(), gemm(), gemm_double(), top() and launch().
#pragma once

#include <algorithm>

#include "../common/matrix.h"
#include "kernels.cuh"

namespace ctk::ranks {

// A tile of 2,048 x 16,384 scores is 128 MiB. The gallery's blocks are the larger ones: queries are rounded again for each.
struct Sizes {
  int64_t queries = 2048, gallery = 16384;
};

inline int64_t blocks(int64_t length, int64_t each) { return (length + each - 1) / each; }

template <class T>
Lines<T> lines(const Matrix& matrix) {
  const bool aligned = matrix.row_stride % 4 == 0 && reinterpret_cast<uintptr_t>(matrix.data) % (4 * sizeof(T)) == 0;
  return {static_cast<const T*>(matrix.data), matrix.row_stride, matrix.rows, matrix.columns, aligned};
}

// What queries are screened as: 16 bits each, with as few of them in the exponent as the input allows.
template <class T>
using ScreenOf = std::conditional_t<std::is_same_v<T, Bfloat16>, Bfloat16, Float16>;

struct Positives {
  const int64_t *order, *starts, *ends, *classes;
};

template <class T, class Device>
void rank_counts(Device& device, const Matrix& query, const Matrix& gallery, const Positives& positives,
                 int64_t* greater, int64_t* equal, Sizes sizes = {}) {
  using Screen = ScreenOf<T>;
  constexpr Element kScreen = std::is_same_v<Screen, Float16> ? Element::float16 : Element::bfloat16;
  sizes.queries = std::min(sizes.queries, query.rows);
  // Whole groups of four scores, and of eight 16-bit entries, so that cuBLAS and the passes may use their widest loads.
  const int64_t tile_stride = blocks(std::min(sizes.gallery, gallery.rows), 8) * 8;
  sizes.gallery = std::min(sizes.gallery, tile_stride);
  const int64_t width = blocks(query.columns, 8) * 8;
  // Tensor cores truncate where they add (Fasi et al. 2021, "Numerical behavior of NVIDIA tensor cores"): two units in the
  // last place for each of D terms, twice as much as any order of sums with rounding.
  const float sum_error = 4 * (width + 16) * 0x1p-24f;

  Query* found = device.template buffer<Query>(query.rows);
  int32_t* states = device.template buffer<int32_t>(query.rows);
  unsigned* bad = device.template buffer<unsigned>(query.rows + 1);
  unsigned* bad_gallery = bad + query.rows;
  float* products = device.template buffer<float>(sizes.queries * tile_stride);
  Screen* screened_queries = device.template buffer<Screen>(sizes.queries * width);
  Screen* screened_gallery = device.template buffer<Screen>(sizes.gallery * width);
  Measured* of_queries = device.template buffer<Measured>(sizes.queries);
  Measured* of_gallery = device.template buffer<Measured>(sizes.gallery);
  device.zero(bad, (query.rows + 1) * sizeof(unsigned));

  device.launch(best_positive<T>, blocks(query.rows, kBestWarps), kBestThreads, lines<T>(query), lines<T>(gallery),
                positives.order, positives.starts, positives.ends, found, states);
  for (int64_t start = 0; start < gallery.rows && query.rows > 0; start += sizes.gallery) {
    const Lines<T> part = lines<T>(gallery.rows_from(start, std::min(sizes.gallery, gallery.rows - start)));
    device.launch(measure<T, Screen>, blocks(part.count, kMeasureWarps), kMeasureThreads, part,
                  positives.classes + start, sum_error, screened_gallery, width, of_gallery, bad_gallery);
    for (int64_t row = 0; row < query.rows; row += sizes.queries) {
      const Lines<T> some = lines<T>(query.rows_from(row, std::min(sizes.queries, query.rows - row)));
      device.launch(measure<T, Screen>, blocks(some.count, kMeasureWarps), kMeasureThreads, some,
                    static_cast<const int64_t*>(nullptr), sum_error, screened_queries, width, of_queries, bad + row);
      device.gemm(Matrix{screened_queries, kScreen, some.count, width, width, 1},
                  Matrix{screened_gallery, kScreen, part.count, width, width, 1}.transposed(), products, tile_stride,
                  false);
      device.launch(count<T>, blocks(part.count, kSpan) * blocks(some.count, kPatch), kCountThreads, products,
                    tile_stride, some, part, of_queries, of_gallery, bad + row, found + row, states + row);
    }
  }
  device.launch(finish_counts, blocks(query.rows, kFinishThreads), kFinishThreads, found, states, bad, bad_gallery,
                query.rows, greater, equal);
}

// Scores by float64 products, which are the definition: correct, and about as fast as float32 ones on the GPUs made for
// numerics (A100, H100), slow on others.
template <class T, class Device>
void top_scores(Device& device, const Matrix& query, const Matrix& gallery, int64_t k, float* values, int64_t* places,
                Sizes sizes = {2048, 8192}) {
  if (query.rows == 0) return;
  sizes.gallery = std::min(sizes.gallery, gallery.rows);
  const int64_t stride = k + sizes.gallery;
  constexpr int64_t kKeys = 16 << 20;  // 128 MiB
  sizes.queries = std::max<int64_t>(1, std::min({sizes.queries, query.rows, kKeys / stride}));
  auto keys = device.keys(sizes.queries, stride, k);
  double* wide_queries = device.template buffer<double>(sizes.queries * query.columns);
  double* wide_gallery = device.template buffer<double>(sizes.gallery * query.columns);
  unsigned* bad = device.template buffer<unsigned>(sizes.queries);
  for (int64_t row = 0; row < query.rows; row += sizes.queries) {
    const Lines<T> some = lines<T>(query.rows_from(row, std::min(sizes.queries, query.rows - row)));
    device.launch(to_double<T>, blocks(some.count * some.length, kFinishThreads), kFinishThreads, some, wide_queries);
    device.zero(bad, some.count * sizeof(unsigned));
    for (int64_t start = 0; start < gallery.rows; start += sizes.gallery) {
      const Lines<T> part = lines<T>(gallery.rows_from(start, std::min(sizes.gallery, gallery.rows - start)));
      device.launch(to_double<T>, blocks(part.count * part.length, kFinishThreads), kFinishThreads, part, wide_gallery);
      device.gemm_double(wide_queries, some.count, wide_gallery, part.count, some.length,
                         reinterpret_cast<double*>(keys.all) + k, stride);
      device.launch(to_keys, blocks(some.count * stride, kFinishThreads), kFinishThreads, keys.all, stride, some.count,
                    k, part.count, start, start > 0 ? static_cast<const int64_t*>(keys.best) : nullptr, bad);
      device.top(keys);
    }
    device.launch(from_keys, blocks(some.count * k, kFinishThreads), kFinishThreads,
                  static_cast<const int64_t*>(keys.best), some.count, k, bad, values + row * k, places + row * k);
  }
}

}  // namespace ctk::ranks
