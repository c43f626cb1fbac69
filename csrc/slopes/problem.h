// One call: n rows of the blend and of M members, and K shares of each member, with x = blend + share * (member - blend).
#pragma once

#include <cstdint>

#include "../common/both.h"

namespace ctk::slopes {

// Floats are added up in float32 for this many rows of a lane or a thread, then go on in double: their error stays that
// of a short sum, and one conversion serves 16 additions.
constexpr int kRun = 16;

template <class T>
struct Problem {
  const T* blend;        // (n,)
  const T* members;      // [m * member_stride + row]
  const double* shares;  // (M, K), without gaps
  int64_t count, rows, places, member_stride;  // M, n, K

  CTK_BOTH const T* member(int64_t m) const { return members + m * member_stride; }
  // Of place m * K + k, as the data has it.
  CTK_BOTH T share(int64_t place) const { return static_cast<T>(shares[place]); }

  // Whether the sums at a place say anything. An infinite way times a share of zero makes x NaN and the slope infinite.
  CTK_BOTH bool known(int64_t place, double value) const {
    const T at = share(place);
    return value == value && at - at == 0;
  }
};

}  // namespace ctk::slopes
