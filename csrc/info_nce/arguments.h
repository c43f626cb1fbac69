// What Python has checked for its users, for those who call the ops themselves.
#pragma once

#include "../common/stable.h"
#include "saved.h"
#include "tiling.h"

namespace ctk {

inline void check(const Tensor& query, const Tensor& key, const Tensor& scale, const Tensor& query_classes,
                  const Tensor& key_classes, int64_t tile_rows, int64_t tile_columns) {
  require(query.dim() == 2 && key.dim() == 2 && query.size(1) == key.size(1), "query (B, D) and key (K, D) are needed");
  require(query.scalar_type() == key.scalar_type(), "query and key need one dtype");
  require(scale.numel() == 1 && scale.scalar_type() == ScalarType::Float, "logit_scale is a float32 number");
  for (const Tensor* classes : {&query_classes, &key_classes})
    require(classes->is_contiguous() && classes->scalar_type() == ScalarType::Int, "classes are contiguous int32");
  require(query_classes.numel() == query.size(0) && key_classes.numel() == key.size(0), "classes have one entry a row");
  constexpr int64_t most = int64_t(1) << 31;
  require(tile_rows > 0 && tile_columns > 0 && tile_rows <= most / tile_columns, "tiles have 1 to 2^31 numbers");
}

inline void check_forward(const Tensor& query, const Tensor& key, double label_smoothing, int64_t tile_rows,
                          int64_t tile_columns, int64_t kept) {
  const int64_t tiles = Tiling{query.size(0), key.size(0), tile_rows, tile_columns}.count();
  require(kept >= 0 && kept <= tiles, "kept is at most the number of tiles");
  require(label_smoothing >= 0 && label_smoothing < 1, "label_smoothing is at least 0 and below 1");
}

inline void check_backward(const Tensor& gradient, const Tensor& query, const Tensor& key, const Tensor& query_side,
                           const Tensor& key_side, const Tensor& tiles, int64_t tile_rows, int64_t tile_columns) {
  for (const Tensor* each : {&gradient, &query_side, &key_side, &tiles})
    require(each->scalar_type() == ScalarType::Float && each->is_contiguous(), "what forward gave is contiguous float32");
  require(gradient.numel() == 1, "the loss's gradient is one number");
  for (const Tensor* side : {&query_side, &key_side})
    require(side->dim() == 2 && side->size(0) == kSaved, "sides are (5, n)");
  require(query_side.size(1) == query.size(0) && (key_side.size(1) == 0 || key_side.size(1) == key.size(0)),
          "sides have one entry a row");
  require(tiles.dim() == 2 && (tiles.size(0) == 0 || tiles.size(1) == tile_rows * tile_columns), "tiles are of one size");
}

}  // namespace ctk
