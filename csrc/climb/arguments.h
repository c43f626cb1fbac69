// The tensors of a call, checked, and laid out as the kernels want them.
#pragma once

#include <cstdint>

#include "../common/stable.h"
#include "tile.h"

namespace ctk::climb {

class Arguments {
 public:
  Arguments(const Tensor& scores, const Tensor& targets, const Tensor& weights, const Tensor& shares)
      : scores_(checked(scores, targets, weights, shares)),
        targets_(packed(targets)),
        weights_(packed(weights)),
        shares_(packed(shares)) {}

  Tile tile() const {
    return {pointer<const float>(scores_), pointer<const float>(targets_), pointer<const float>(weights_),
            scores_.size(0), scores_.size(1), scores_.size(2), targets_.size(2), scores_.stride(0), scores_.stride(1)};
  }
  const float* grid_shares() const { return pointer<const float>(shares_); }
  int32_t grid_size() const { return static_cast<int32_t>(shares_.size(0)); }

  // (M, n, K) int32, not filled.
  Tensor counts() const {
    return ctk::empty(scores_, {scores_.size(0), scores_.size(1), shares_.size(0)}, ScalarType::Int);
  }

 private:
  // The scores, copied where a line has gaps.
  static Tensor checked(const Tensor& scores, const Tensor& targets, const Tensor& weights, const Tensor& shares) {
    for (const Tensor* each : {&scores, &targets, &weights, &shares})
      require(each->scalar_type() == ScalarType::Float, "share_counts: float32 is needed");
    require(scores.dim() == 3 && targets.dim() == 3 && weights.dim() == 1 && shares.dim() == 1,
            "share_counts: scores (M, n, G), targets (M, n, P), weights (M,) and shares (K,) are needed");
    require(targets.size(0) == scores.size(0) && targets.size(1) == scores.size(1) && weights.size(0) == scores.size(0),
            "share_counts: scores, targets and weights are of different sizes");
    require(scores.size(0) > 0 && targets.size(2) > 0 && shares.size(0) > 0,
            "share_counts: there is no member, no positive or no share");
    constexpr int64_t kMost = 1 << 30;  // counts in halves, places and positives are int32
    require(scores.size(2) < kMost && targets.size(2) < kMost && shares.size(0) < kMost,
            "share_counts: a size is beyond 2^30");
    return scores.size(2) <= 1 || scores.stride(2) == 1 ? scores : packed(scores);
  }

  Tensor scores_, targets_, weights_, shares_;
};

}  // namespace ctk::climb
