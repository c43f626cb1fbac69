// A cell of a table to the nearest double, quickly where it looks as most do: [-]digits.digits[e(+|-)d[d]].
#pragma once

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "nearest.h"

namespace numbers {

static_assert(std::endian::native == std::endian::little, "the first of eight characters is the lowest byte");

// A text that may be read from `begin` to `end`: words of eight characters may reach over a cell's ends, not over these.
struct Text {
  const char* begin;
  const char* end;
};

constexpr uint64_t each(uint64_t byte) { return byte * 0x0101010101010101; }

inline uint64_t load(const char* text) {
  uint64_t word;
  std::memcpy(&word, text, sizeof word);
  return word;
}

// The number that eight digits 0 to 9 make, the first in the lowest byte: neighbours are joined to numbers below 100,
// all four of these at once (Lemire 2021, section 8).
constexpr uint64_t joined(uint64_t digits) {
  constexpr uint64_t kPairs = 0x000000FF000000FF;
  digits = digits * 10 + (digits >> 8);
  return ((digits & kPairs) * (100 + (uint64_t{1000000} << 32)) +
          ((digits >> 16) & kPairs) * (1 + (uint64_t{10000} << 32))) >>
         32;
}

// Not 0 where a byte is above 9.
constexpr uint64_t no_digits(uint64_t bytes) { return ((bytes + each(0x76)) | bytes) & each(0x80); }

// What of a fraction of k digits lies in the last three words before its end, and what the digits before it are worth.
struct Fraction {
  std::array<uint64_t, 3> kept;  // the last word first; bytes of digits are all ones
  uint64_t ten;                  // 10^k where 64 bits hold it, else 0
};

constexpr int kLongest = 24;

constexpr std::array<Fraction, kLongest + 1> fractions() {
  std::array<Fraction, kLongest + 1> table{};
  uint64_t ten = 1;
  for (int k = 0; k <= kLongest; ++k, ten *= 10) {
    for (int word = 0; word < 3; ++word) {
      const int digits = k - 8 * word;
      table[k].kept[word] = digits >= 8 ? ~uint64_t{0} : digits <= 0 ? 0 : ~uint64_t{0} << (64 - 8 * digits);
    }
    table[k].ten = k <= 19 ? ten : 0;
  }
  return table;
}

inline constexpr auto kFractions = fractions();

// Reads a cell of the usual form. Which form, how many digits: nothing of that is a branch, for it would be guessed
// wrong once or twice a cell, and a wrong guess costs as much as all the rest. False where the form is another one.
inline bool read_usual(const char* begin, const char* end, const Text& text, double& value) {
  if (end - text.begin < kLongest + 4 || text.end - begin < 9) [[unlikely]]
    return false;
  const bool negative = *begin == '-';
  begin += negative;

  // The last four characters: none, or "e-7" behind one, or "e-07". What lies before a short cell has no e at its end.
  uint32_t tail;
  std::memcpy(&tail, end - 4, sizeof tail);
  const uint32_t one = (tail >> 8 & 0xFF) == 'e', two = (tail & 0xFF) == 'e', some = one | two;
  const uint32_t sign = tail >> (16 - 8 * two) & 0xFF, ones = (tail >> 24) - '0';
  const uint32_t tens = ((tail >> 16 & 0xFF) - '0') & -two, minus = sign == '-';
  bool bad = some & (((sign != '-') & (sign != '+')) | (ones > 9) | (tens > 9));
  const auto power = static_cast<int32_t>((ones + 10 * tens) & -some);
  const int64_t q = (power ^ -static_cast<int32_t>(minus)) + static_cast<int32_t>(minus);
  end -= 3 * some + two;

  const uint64_t head = load(begin), points = head ^ each('.');
  const uint64_t point = (points - each(1)) & ~points & each(0x80);
  const int whole = std::countr_zero(point) >> 3;  // digits before the point; 8 where there is none near
  const int64_t k = end - begin - whole - 1;
  if (whole - 1u > 6u || k < 1 || k > kLongest) return false;
  const uint64_t before = (head ^ each('0')) << (64 - 8 * whole);

  const Fraction& fraction = kFractions[static_cast<size_t>(k)];
  std::array<uint64_t, 3> words;
  uint64_t others = no_digits(before);
  for (int i = 0; i < 3; ++i) {
    words[i] = (load(end - 8 * (i + 1)) ^ each('0')) & fraction.kept[i];
    others |= no_digits(words[i]);
  }
  const uint64_t integer = joined(before), front = joined(words[2]);
  const uint64_t w =
      integer * fraction.ten + front * 10'000'000'000'000'000 + joined(words[1]) * 100'000'000 + joined(words[0]);
  bad |= others != 0;
  // 64 bits hold 19 digits, not counting zeros in front.
  bad |= whole + k > 19 && (integer != 0 || front > 999);
  if (bad) [[unlikely]]
    return false;
  value = std::bit_cast<double>(std::bit_cast<uint64_t>(nearest(w, q - k)) | static_cast<uint64_t>(negative) << 63);
  return true;
}

// Reads a cell; false where it is not, from its first character to its last, a finite number as std::from_chars takes it:
// neither spaces nor a plus in front.
inline bool read_cell(const char* begin, const char* end, const Text& text, double& value) {
  if (read_usual(begin, end, text, value)) return true;
  const auto [after, problem] = std::from_chars(begin, end, value);
  return problem == std::errc() && after == end && std::isfinite(value);
}

}  // namespace numbers
