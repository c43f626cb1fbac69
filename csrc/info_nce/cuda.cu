// InfoNCE on a GPU: cuBLAS tiles of products, one pass over each, never the whole matrix. See README.md.
#include <tuple>

#include "../common/cuda.h"
#include "arguments.h"
#include "device.h"

namespace ctk {
namespace {

using info_nce::Problem;

Problem problem(const Tensor& query, const Tensor& key, const Tensor& logit_scale, const Tensor& query_classes,
                const Tensor& key_classes, int64_t tile_rows, int64_t tile_columns) {
  check(query, key, logit_scale, query_classes, key_classes, tile_rows, tile_columns);
  return {matrix_in_rows(query),
          matrix_in_rows(key),
          pointer<float>(logit_scale),
          pointer<int32_t>(query_classes),
          pointer<int32_t>(key_classes),
          tile_rows,
          tile_columns};
}

std::tuple<Tensor, Tensor, Tensor, Tensor> forward(
    const Tensor& query, const Tensor& key, const Tensor& logit_scale, const Tensor& query_classes,
    const Tensor& key_classes, double label_smoothing, bool symmetric, int64_t tile_rows, int64_t tile_columns,
    int64_t kept) {
  check_forward(query, key, label_smoothing, tile_rows, tile_columns, kept);
  Device device(query);
  const Tensor queries = in_rows(query), keys = in_rows(key);
  Tensor loss = empty(query, {}, ScalarType::Float);
  Tensor query_side = empty(query, {kSaved, query.size(0)}, ScalarType::Float);
  Tensor key_side = empty(query, {kSaved, symmetric ? key.size(0) : 0}, ScalarType::Float);
  Tensor tiles = empty(query, {kept, tile_rows * tile_columns}, ScalarType::Float);
  info_nce::forward(device, problem(queries, keys, logit_scale, query_classes, key_classes, tile_rows, tile_columns),
                    label_smoothing, symmetric, kept, pointer<float>(tiles), pointer<float>(loss),
                    pointer<float>(query_side), pointer<float>(key_side));
  return {loss, query_side, key_side, tiles};
}

std::tuple<Tensor, Tensor, Tensor> backward(
    const Tensor& gradient, const Tensor& query, const Tensor& key, const Tensor& logit_scale,
    const Tensor& query_classes, const Tensor& key_classes, const Tensor& query_side, const Tensor& key_side,
    const Tensor& tiles, int64_t tile_rows, int64_t tile_columns, bool of_query, bool of_key) {
  check_backward(gradient, query, key, query_side, key_side, tiles, tile_rows, tile_columns);
  Device device(query);
  const Tensor queries = in_rows(query), keys = in_rows(key);
  const Problem of = problem(queries, keys, logit_scale, query_classes, key_classes, tile_rows, tile_columns);
  Tensor query_gradient = empty(query, {of_query ? query.size(0) : 0, query.size(1)}, ScalarType::Float);
  Tensor key_gradient = empty(query, {of_key ? key.size(0) : 0, key.size(1)}, ScalarType::Float);
  Tensor scale_gradient = empty(query, {}, ScalarType::Float);
  const info_nce::Gradients to{of_query ? pointer<float>(query_gradient) : nullptr,
                               of_key ? pointer<float>(key_gradient) : nullptr, pointer<float>(scale_gradient)};
  const auto run = [&]<class Narrow>() {
    info_nce::backward<Narrow>(device, of, of.query.type, pointer<float>(gradient), pointer<float>(query_side),
                               pointer<float>(key_side), key_side.size(1) > 0, tiles.size(0), pointer<float>(tiles), to);
  };
  switch (of.query.type) {
    case Element::float32: run.template operator()<float>(); break;
    case Element::bfloat16: run.template operator()<Bfloat16>(); break;
    case Element::float16: run.template operator()<Float16>(); break;
  }
  return {query_gradient, key_gradient, scale_gradient};
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ctk, CUDA, m) {
  m.impl("info_nce", TORCH_BOX(&forward));
  m.impl("info_nce_backward", TORCH_BOX(&backward));
}

}  // namespace ctk
