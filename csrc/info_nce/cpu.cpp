// InfoNCE on the CPU: tiles of products, one pass over each, never the whole matrix. See README.md.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <tuple>
#include <vector>

#include "../common/gemm.h"
#include "../common/isa.h"
#include "../common/parallel.h"
#include "../common/stable.h"
#include "arguments.h"
#include "softmax.h"
#include "tiling.h"

#define CTK_KERNELS "../info_nce/kernels.inl"
#include "../common/each_isa.h"

namespace ctk {
namespace {

using torch::headeronly::ScalarType;

struct Gathered {
  Gathered(const Tensor& classes, int64_t size)
      : top(size, -INFINITY), mass(size), all(size), positive(size), count(size) {
    side = {pointer<int32_t>(classes), top.data(), mass.data(), all.data(), positive.data(), count.data()};
  }
  std::vector<float> top;
  std::vector<double> mass, all, positive;
  std::vector<int64_t> count;
  Side side;
};

// This direction's mean loss over the entries that have a positive; what the backward op needs goes to `saved`.
double close(const Gathered& of, int64_t others, double scale, double smoothing, double share, float* saved) {
  const int64_t size = of.top.size();
  const double counted = std::count_if(of.count.begin(), of.count.end(), [](int64_t count) { return count > 0; });
  double total = 0;
  for (int64_t i = 0; i < size; ++i) {
    const double log_mass = std::log(of.mass[i]);
    const bool counts = of.count[i] > 0;
    const double weight = counts ? share / counted : 0;
    saved[kTop * size + i] = of.top[i];
    saved[kLogMass * size + i] = log_mass;
    saved[kWeight * size + i] = weight;
    saved[kPull * size + i] = counts ? weight * (1 - smoothing) / of.count[i] : 0;
    saved[kSpread * size + i] = weight * smoothing / others;
    total += 0 * log_mass;  // NaN in a row that does not count is NaN all the same: its gradients are
    if (counts)
      total += of.top[i] + log_mass - (1 - smoothing) * scale * of.positive[i] / of.count[i] -
               smoothing * scale * of.all[i] / others;
  }
  return total / counted;
}

Slope slope(const Tensor& classes, const std::vector<float>& saved) {
  const int64_t size = saved.size() / kSaved;
  const float* at = saved.data();
  return {pointer<int32_t>(classes),  at + kTop * size,  at + kLogMass * size,
          at + kWeight * size, at + kPull * size, at + kSpread * size};
}

// A direction's saved rows with the loss's own gradient multiplied in.
std::vector<float> times(const Tensor& saved, float gradient) {
  const float* from = pointer<float>(saved);
  std::vector<float> all(from, from + saved.numel());
  for (size_t i = all.size() / kSaved * kWeight; i < all.size(); ++i) all[i] *= gradient;
  return all;
}

float* tile_memory(Workspace& workspace, const Tiling& tiling) {
  return reinterpret_cast<float*>(workspace.at_least(tiling.tile_rows * tiling.tile_columns * 4));
}

// Lines of so many logits for one thread at least.
int64_t grain(int64_t length) { return std::max<int64_t>(1, (1 << 15) / std::max<int64_t>(1, length)); }

std::tuple<Tensor, Tensor, Tensor, Tensor> info_nce(
    const Tensor& query, const Tensor& key, const Tensor& logit_scale, const Tensor& query_classes,
    const Tensor& key_classes, double label_smoothing, bool symmetric, int64_t tile_rows, int64_t tile_columns,
    int64_t kept) {
  check(query, key, logit_scale, query_classes, key_classes, tile_rows, tile_columns);
  check_forward(query, key, label_smoothing, tile_rows, tile_columns, kept);
  const Matrix queries = matrix(query), keys = matrix(key);
  const Products products = products_for(queries.type);
  const float scale = *pointer<float>(logit_scale);
  const Isa here = isa();
  Gathered by_query(query_classes, queries.rows), by_key(key_classes, keys.rows);
  Tensor tiles = empty(query, {kept, tile_rows * tile_columns}, ScalarType::Float);
  const Tiling tiling{queries.rows, keys.rows, tile_rows, tile_columns};
  Workspaces workspaces;
  Workspace tile;
  float* working = kept < tiling.count() ? tile_memory(tile, tiling) : nullptr;
  tiling.each([&](int64_t number, int64_t row, int64_t rows, int64_t column, int64_t columns) {
    float* to = number < kept ? pointer<float>(tiles) + number * tile_rows * tile_columns : working;
    if (number < kept && rows * columns < tile_rows * tile_columns)  // an op's outputs are determined to the last byte
      std::fill_n(to, tile_rows * tile_columns, 0.0f);
    gemm(products, queries.rows_from(row, rows), keys.rows_from(column, columns).transposed(), to, tile_columns, false,
         workspaces);
    const Tile part{to, tile_columns, row, rows, column, columns, scale};
    parallel(0, rows, [&](int64_t first, int64_t last, int) {
      PICK(here, gather_rows)(part, by_query.side, by_key.side.classes, first, last);
    }, grain(columns));
    if (!symmetric) return;
    constexpr int64_t strip = 64;  // columns that share cache lines stay with one thread
    parallel(0, (columns + strip - 1) / strip, [&](int64_t first, int64_t last, int) {
      PICK(here, gather_columns)(part, by_query.side.classes, by_key.side, first * strip, std::min(last * strip, columns));
    }, grain(rows * strip));
  });
  Tensor query_side = empty(query, {kSaved, queries.rows}, ScalarType::Float);
  Tensor key_side = empty(query, {kSaved, symmetric ? keys.rows : 0}, ScalarType::Float);
  const double share = symmetric ? 0.5 : 1;
  double loss = share * close(by_query, keys.rows, scale, label_smoothing, share, pointer<float>(query_side));
  if (symmetric) loss += share * close(by_key, queries.rows, scale, label_smoothing, share, pointer<float>(key_side));
  Tensor result = empty(query, {}, ScalarType::Float);
  *pointer<float>(result) = loss;
  return {result, query_side, key_side, tiles};
}

std::tuple<Tensor, Tensor, Tensor> info_nce_backward(
    const Tensor& gradient, const Tensor& query, const Tensor& key, const Tensor& logit_scale,
    const Tensor& query_classes, const Tensor& key_classes, const Tensor& query_side, const Tensor& key_side,
    const Tensor& tiles, int64_t tile_rows, int64_t tile_columns, bool of_query, bool of_key) {
  check(query, key, logit_scale, query_classes, key_classes, tile_rows, tile_columns);
  check_backward(gradient, query, key, query_side, key_side, tiles, tile_rows, tile_columns);
  const Matrix queries = matrix(query), keys = matrix(key);
  const Products products = products_for(queries.type);
  const float scale = *pointer<float>(logit_scale);
  const float outer = *pointer<float>(gradient);
  const Isa here = isa();
  const bool both = key_side.size(1) > 0;
  const std::vector<float> saved_rows = times(query_side, outer), saved_columns = times(key_side, outer);
  const Slope by_query = slope(query_classes, saved_rows), by_key = slope(key_classes, saved_columns);
  Tensor query_gradient = empty(query, {of_query ? queries.rows : 0, queries.columns}, ScalarType::Float);
  Tensor key_gradient = empty(query, {of_key ? keys.rows : 0, keys.columns}, ScalarType::Float);
  const int64_t kept = tiles.size(0);
  const Tiling tiling{queries.rows, keys.rows, tile_rows, tile_columns};
  Workspaces workspaces;
  Workspace tile;
  float* working = tile_memory(tile, tiling);
  std::vector<double> of_scale(threads());
  tiling.each([&](int64_t number, int64_t row, int64_t rows, int64_t column, int64_t columns) {
    const float* from = number < kept ? pointer<float>(tiles) + number * tile_rows * tile_columns : working;
    const Matrix tile_queries = queries.rows_from(row, rows), tile_keys = keys.rows_from(column, columns);
    if (number >= kept)
      gemm(products, tile_queries, tile_keys.transposed(), working, tile_columns, false, workspaces);
    const Tile part{from, tile_columns, row, rows, column, columns, scale};
    parallel(0, rows, [&](int64_t first, int64_t last, int thread) {
      of_scale[thread] += PICK(here, differentiate)(part, by_query, by_key, both, working, first, last);
    }, grain(columns));
    const Matrix slopes{working, Element::float32, rows, columns, tile_columns, 1};
    if (of_query)
      gemm(products, slopes, tile_keys, pointer<float>(query_gradient) + row * queries.columns, queries.columns,
           column > 0, workspaces);
    if (of_key)
      gemm(products, slopes.transposed(), tile_queries, pointer<float>(key_gradient) + column * keys.columns,
           keys.columns, row > 0, workspaces);
  });
  Tensor scale_gradient = empty(query, {}, ScalarType::Float);
  double total = 0;
  for (const double each : of_scale) total += each;
  *pointer<float>(scale_gradient) = total;
  return {query_gradient, key_gradient, scale_gradient};
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ctk, CPU, m) {
  m.impl("info_nce", TORCH_BOX(&info_nce));
  m.impl("info_nce_backward", TORCH_BOX(&info_nce_backward));
}

}  // namespace ctk
