// The double nearest to w * 10^q: Eisel and Lemire's algorithm.
#pragma once

#include <bit>
#include <cstdint>

#include "powers.h"

namespace numbers {

// The nearest double, of two the even one; q is from kLeast to kMost, so that it is neither subnormal nor infinite.
//
// Lemire, "Number parsing at a gigabyte per second", Software: Practice and Experience 51 (2021), arXiv:2101.11408,
// algorithm 1. That two products always decide is shown by Mushtak and Lemire, "Fast number parsing without fallback",
// Software: Practice and Experience 53 (2023), arXiv:2212.06644.
inline double nearest(uint64_t w, int64_t q) {
  if (w == 0) return 0.0;
  const int zeros = std::countl_zero(w);
  w <<= zeros;
  const Bits128 power = kPowers[static_cast<size_t>(q - kLeast)];
  const auto product = static_cast<unsigned __int128>(w) * power.high;
  uint64_t high = static_cast<uint64_t>(product >> 64), low = static_cast<uint64_t>(product);
  constexpr uint64_t kBelow = 0x1FF;  // bits of `high` below the 55 that decide; a carry passes through ones only
  if ((high & kBelow) == kBelow) {
    const auto more = static_cast<uint64_t>(static_cast<unsigned __int128>(w) * power.low >> 64);
    low += more;
    if (low < more) ++high;
  }
  const int upper = static_cast<int>(high >> 63);
  const int shift = upper + 9;
  uint64_t mantissa = high >> shift;  // 54 bits: a double's, and one to round by
  // floor(q log2(10)) is (217706 q) >> 16 in this range of q.
  int64_t exponent = ((217706 * q) >> 16) + 63 + upper - zeros + 1023;
  // Halfway between two doubles, which only these powers of ten can be: to the even one.
  if (low <= 1 && q >= -4 && q <= 23 && (mantissa & 3) == 1 && mantissa << shift == high) mantissa &= ~uint64_t{1};
  mantissa += mantissa & 1;
  mantissa >>= 1;
  if (mantissa == uint64_t{1} << 53) {
    mantissa >>= 1;
    ++exponent;
  }
  return std::bit_cast<double>(static_cast<uint64_t>(exponent) << 52 | (mantissa & ((uint64_t{1} << 52) - 1)));
}

}  // namespace numbers
