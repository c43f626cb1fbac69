// The 128 leading bits of the powers of five, computed by the compiler.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace numbers {

constexpr int kLeast = -123;  // two digits of exponent, and a fraction of 24
constexpr int kMost = 98;     // and of one

struct Bits128 {
  uint64_t high, low;
};

// An integer below 2^512, its lowest word first.
class Long {
 public:
  constexpr explicit Long(int word) { words_[word] = 1; }

  constexpr void times_five() {
    unsigned __int128 carry = 0;
    for (uint64_t& word : words_) {
      carry += static_cast<unsigned __int128>(word) * 5;
      word = static_cast<uint64_t>(carry);
      carry >>= 64;
    }
  }

  constexpr void over_five() {
    unsigned __int128 rest = 0;
    for (int i = kWords - 1; i >= 0; --i) {
      rest = rest << 64 | words_[i];
      words_[i] = static_cast<uint64_t>(rest / 5);
      rest %= 5;
    }
  }

  // Its first 128 bits, the very first being a one.
  constexpr Bits128 leading() const {
    int top = kWords - 1;
    while (words_[top] == 0) --top;
    const int shift = std::countl_zero(words_[top]);
    return {shifted(top, shift), shifted(top - 1, shift)};
  }

 private:
  static constexpr int kWords = 8;

  constexpr uint64_t word(int i) const { return i < 0 ? 0 : words_[i]; }
  constexpr uint64_t shifted(int i, int shift) const {
    return shift == 0 ? word(i) : word(i) << shift | word(i - 1) >> (64 - shift);
  }

  std::array<uint64_t, kWords> words_{};
};

// As Lemire 2021 (arXiv:2101.11408), section 5, has them: cut off after 128 bits, but rounded up for 5^-27 to 5^-1.
constexpr std::array<Bits128, kMost - kLeast + 1> powers_of_five() {
  std::array<Bits128, kMost - kLeast + 1> table{};
  Long power(0);
  for (int q = 0; q <= kMost; ++q, power.times_five()) table[q - kLeast] = power.leading();
  // The whole part of (2^448 / 5) / 5 is that of 2^448 / 25, and of 2^448 / 5^123 more than 128 bits are left.
  Long inverse(7);
  for (int q = -1; q >= kLeast; --q) {
    inverse.over_five();
    Bits128 leading = inverse.leading();
    if (q >= -27 && ++leading.low == 0) ++leading.high;
    table[q - kLeast] = leading;
  }
  return table;
}

inline constexpr auto kPowers = powers_of_five();

}  // namespace numbers
