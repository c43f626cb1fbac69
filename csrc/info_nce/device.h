// The op on a GPU: which kernels and products run, in which order. `Device` is CUDA (cuda.cu), or the tests' emulation of
// it; it has buffer<T>(count), zero(), gemm() and launch().
#pragma once

#include "../common/matrix.h"
#include "kernels.cuh"
#include "tiling.h"

namespace ctk::info_nce {

struct Problem {
  Matrix query, key;  // rows one after another
  const float* logit_scale;
  const int32_t *query_classes, *key_classes;
  int64_t tile_rows, tile_columns;

  Tiling tiling() const { return {query.rows, key.rows, tile_rows, tile_columns}; }
  int64_t across() const { return (key.rows + tile_columns - 1) / tile_columns; }
  int64_t number() const { return (query.rows + tile_rows - 1) / tile_rows * across(); }
  bool empty() const { return query.rows == 0 || key.rows == 0; }
  // Whether what belongs to four columns of a tile can be read at once, in the tile and beside it.
  bool aligned() const {
    return tile_columns % 4 == 0 && key.rows % 4 == 0 && reinterpret_cast<uintptr_t>(key_classes) % 16 == 0;
  }
};

inline int64_t blocks(int64_t length, int64_t each) { return (length + each - 1) / each; }

// Enough blocks for a large GPU's multiprocessors, or else as few partials of columns as can be.
inline int band_of(int64_t tile_rows, int64_t tile_columns) {
  constexpr int64_t kEnough = 128;
  int band = kBand;
  while (band > kPatch && blocks(tile_columns, kSpan) * blocks(tile_rows, band) < kEnough) band /= 2;
  return band;
}

template <class Device>
void forward(Device& device, const Problem& problem, double smoothing, bool both, int64_t kept, float* tiles,
             float* loss, float* query_saved, float* key_saved) {
  const int64_t queries = problem.query.rows, keys = problem.key.rows;
  const int64_t stride = problem.tile_columns, size = problem.tile_rows * stride;
  const int64_t spans = blocks(stride, kSpan);
  const int band = band_of(problem.tile_rows, stride);
  const int64_t strips = blocks(problem.tile_rows, band);
  const bool smooth = smoothing > 0;
  Gathered* by_query = device.template buffer<Gathered>(queries);
  Gathered* by_key = device.template buffer<Gathered>(both ? keys : 0);
  Partial* of_rows = device.template buffer<Partial>(spans * problem.tile_rows);
  Partial* of_columns = device.template buffer<Partial>(both ? strips * stride : 0);
  float* all_of_rows = smooth ? device.template buffer<float>(spans * problem.tile_rows) : nullptr;
  float* all_of_columns = smooth && both ? device.template buffer<float>(strips * stride) : nullptr;
  float* working = kept < problem.number() ? device.template buffer<float>(size) : nullptr;
  const auto pass = problem.aligned() ? smooth ? gather<true, true> : gather<true, false>
                                      : smooth ? gather<false, true> : gather<false, false>;
  problem.tiling().each([&](int64_t number, int64_t row, int64_t rows, int64_t column, int64_t columns) {
    const Tile tile{number < kept ? tiles + number * size : working, stride, int(rows), int(columns)};
    device.gemm(problem.query.rows_from(row, rows), problem.key.rows_from(column, columns).transposed(), tile.products,
                stride, false);
    device.launch(pass, blocks(columns, kSpan) * blocks(rows, band), kGatherThreads, tile, problem.query_classes + row,
                  problem.key_classes + column, problem.logit_scale, band, both, of_rows, of_columns, all_of_rows,
                  all_of_columns);
    const Direction of_query{of_rows,           all_of_rows, blocks(columns, kSpan), rows,
                             by_query + row,    query_saved + row, queries,          keys,
                             column == 0,       column + columns == keys};
    const Direction of_key{of_columns,       all_of_columns,     blocks(rows, band), both ? columns : 0,
                           by_key + column,  key_saved + column, keys,               queries,
                           row == 0,         row + rows == queries};
    device.launch(merge, blocks(of_query.size + of_key.size, kMergeThreads), kMergeThreads, Directions{{of_query, of_key}},
                  smoothing);
  });
  const bool nothing = problem.empty();
  device.launch(finish, 1, kFinishThreads, by_query, nothing ? 0 : queries, query_saved, by_key, nothing ? 0 : keys,
                key_saved, both, loss);
}

struct Gradients {
  float *query, *key;  // null where not asked for
  float* scale;
};

template <class Narrow, class Device>
void backward(Device& device, const Problem& problem, Element type, const float* gradient, const float* query_saved,
              const float* key_saved, bool both, int64_t kept, float* tiles, const Gradients& to) {
  const int64_t queries = problem.query.rows, keys = problem.key.rows, width = problem.query.columns;
  if (problem.empty()) {
    if (to.query) device.zero(to.query, queries * width * sizeof(float));
    if (to.key) device.zero(to.key, keys * width * sizeof(float));
    device.zero(to.scale, sizeof(float));
    return;
  }
  const int64_t stride = problem.tile_columns, size = problem.tile_rows * stride;
  // Slopes go where the products were, each row from its row's start; where all products stay, to a place of their own.
  const bool in_place = kept < problem.number();
  const int64_t slope_stride = in_place ? stride * 4 / sizeof(Narrow) : stride;
  float* working = in_place ? device.template buffer<float>(size) : nullptr;
  Narrow* slopes = in_place ? reinterpret_cast<Narrow*>(working) : device.template buffer<Narrow>(size);
  const int64_t each = blocks(problem.tile_rows, kPatch);
  double* of_scale = device.template buffer<double>(blocks(queries, problem.tile_rows) * each);
  float* undo = device.template buffer<float>(3);
  const float* factors = type == Element::float16 ? undo : nullptr;
  const auto pass = problem.aligned() ? both ? differentiate<Narrow, true, true> : differentiate<Narrow, true, false>
                                      : both ? differentiate<Narrow, false, true> : differentiate<Narrow, false, false>;
  int64_t parts = 0;
  problem.tiling().each([&](int64_t number, int64_t row, int64_t rows, int64_t column, int64_t columns) {
    const Matrix tile_queries = problem.query.rows_from(row, rows), tile_keys = problem.key.rows_from(column, columns);
    const Tile tile{number < kept ? tiles + number * size : working, stride, int(rows), int(columns)};
    if (number >= kept) device.gemm(tile_queries, tile_keys.transposed(), tile.products, stride, false);
    const Slope of_query{problem.query_classes + row, query_saved + row, queries, query_saved + kWeight * queries};
    const Slope of_key{problem.key_classes + column, key_saved + column, keys, key_saved + kWeight * keys};
    const int64_t before = row / problem.tile_rows * each;
    device.launch(pass, blocks(rows, kPatch), kSlopeThreads, tile, of_query, of_key, gradient,
                  problem.logit_scale, slopes, slope_stride, undo, of_scale + before, column == 0);
    parts = before + blocks(rows, kPatch);
    const Matrix slope{slopes, type, rows, columns, slope_stride, 1};
    if (to.query) device.gemm(slope, tile_keys, to.query + row * width, width, column > 0, factors);
    if (to.key) device.gemm(slope.transposed(), tile_queries, to.key + column * width, width, row > 0, factors);
  });
  device.launch(sum_of_scale, 1, kFinishThreads, of_scale, parts, gradient, to.scale);
}

}  // namespace ctk::info_nce
