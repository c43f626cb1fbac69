// The tensors of a call, checked, and laid out as the kernels want them.
#pragma once

#include <cstdint>
#include <tuple>

#include "../common/stable.h"
#include "problem.h"

namespace ctk::slopes {

class Arguments {
 public:
  Arguments(const Tensor& blend, const Tensor& members, const Tensor& shares)
      : members_(checked(blend, members, shares)), blend_(packed(blend)), shares_(packed(shares)) {}

  bool single() const { return blend_.scalar_type() == ScalarType::Float; }

  template <class T>
  Problem<T> problem() const {
    return {pointer<const T>(blend_), pointer<const T>(members_), pointer<const double>(shares_),
            members_.size(0),         blend_.size(0),             shares_.size(1),
            members_.stride(0)};
  }

  // Values and slopes, (M, K) float64, not filled.
  std::tuple<Tensor, Tensor> results() const { return {result(), result()}; }

 private:
  Tensor result() const { return ctk::empty(blend_, {shares_.size(0), shares_.size(1)}, ScalarType::Double); }

  // The members, copied where a member's rows have gaps.
  static Tensor checked(const Tensor& blend, const Tensor& members, const Tensor& shares) {
    const ScalarType type = blend.scalar_type();
    require((type == ScalarType::Float || type == ScalarType::Double) && members.scalar_type() == type &&
                shares.scalar_type() == ScalarType::Double,
            "absolute_slopes: blend and members of one dtype, float32 or float64, and float64 shares are needed");
    require(blend.dim() == 1 && members.dim() == 2 && shares.dim() == 2,
            "absolute_slopes: blend (n,), members (M, n) and shares (M, K) are needed");
    require(members.size(1) == blend.size(0) && shares.size(0) == members.size(0),
            "absolute_slopes: blend, members and shares are of different sizes");
    return members.size(1) <= 1 || members.stride(1) == 1 ? members : packed(members);
  }

  Tensor members_, blend_, shares_;
};

}  // namespace ctk::slopes
