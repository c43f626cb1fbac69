// Where the cells of a line end.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace numbers {

constexpr int kWindow = 64;

// Of 64 characters, a bit for each: whether it ends a cell, and whether it ends a line.
struct Ends {
  uint64_t cells, lines;
};

#ifdef __SSE2__
inline Ends ends_in(const char* text) {
  Ends ends{0, 0};
  for (int i = 0; i < kWindow; i += 16) {
    const __m128i part = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + i));
    const __m128i line = _mm_cmpeq_epi8(part, _mm_set1_epi8('\n'));
    const __m128i cell = _mm_or_si128(_mm_cmpeq_epi8(part, _mm_set1_epi8(',')), line);
    ends.cells |= static_cast<uint64_t>(static_cast<uint32_t>(_mm_movemask_epi8(cell))) << i;
    ends.lines |= static_cast<uint64_t>(static_cast<uint32_t>(_mm_movemask_epi8(line))) << i;
  }
  return ends;
}
#else
inline Ends ends_in(const char* text) {
  Ends ends{0, 0};
  for (int i = 0; i < kWindow; ++i) {
    ends.lines |= static_cast<uint64_t>(text[i] == '\n') << i;
    ends.cells |= static_cast<uint64_t>(text[i] == ',' || text[i] == '\n') << i;
  }
  return ends;
}
#endif

// Writes where each cell of a line ends, its comma or the line's end; returns how many there are, -1 for more than
// `most`. The text must have a line end before its own; `found` has room for most + kWindow.
inline int64_t find_cells(const char* line, const char* end, int64_t most, const char** found) {
  int64_t count = 0;
  for (;; line += kWindow) {
    Ends ends;
    if (end - line >= kWindow) [[likely]] {
      ends = ends_in(line);
    } else {
      char rest[kWindow] = {};
      std::memcpy(rest, line, static_cast<size_t>(end - line));
      ends = ends_in(rest);
    }
    const uint64_t last = ends.lines & -ends.lines;
    uint64_t cells = last ? ends.cells & (last | (last - 1)) : ends.cells;
    const int here = std::popcount(cells);
    // Four at a time, some of them for nothing: how many there are would be guessed wrong.
    for (int i = 0; i < here; i += 4)
      for (int j = i; j < i + 4; ++j, cells &= cells - 1) found[count + j] = line + std::countr_zero(cells | uint64_t{1} << 63);
    count += here;
    if (count > most) return -1;
    if (last) return count;
  }
}

}  // namespace numbers
