// Packed, blocked matrix products (Goto and van de Geijn 2008, "Anatomy of high-performance matrix multiplication"):
// a block of b stays in the last shared cache, a block of a in each core's own, and a register tile of c is summed over the
// whole depth of the blocks. Why not the vendor's: torch's float32 mm ran at 0.43 of this one's rate on the AMD processor
// that it was written on, and has no bfloat16 product with float32 results on the CPU.
#include "gemm.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "isa.h"
#include "parallel.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define CTK_KERNELS "gemm.inl"
#include "each_isa.h"

#if defined(__x86_64__)
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma,f16c,bmi,bmi2,popcnt,prefer-vector-width=512")
namespace ctk::avx512_bf16 {

using namespace avx512;

// To the nearest bfloat16, ties to even, in the upper half of each lane; NaN stays NaN.
CTK_INLINE Ints rounded(Floats values) {
  const Ints bits = (Ints)values;
  const Ints up = bits + 0x7fff + ((bits >> 16) & 1);
  return (values == values ? up : splat(0x7fc00000)) & splat(static_cast<int32_t>(0xffff0000));
}

// The first `count` of 16 elements `step` apart, zeros after them.
template <Element type>
CTK_INLINE Floats gathered(const void* data, int64_t step, int64_t count) {
  if (type == Element::float32 && step == 1) return load_some(static_cast<const float*>(data), count);
  Floats values = {};
  for (int64_t i = 0; i < (count < kLanes ? count : kLanes); ++i) values[i] = element<type>(data, i * step);
  return values;
}

// As avx512::pack, with two columns side by side: out[strip][column / 2][row][column % 2]. An odd last one is paired
// with zeros.
template <Element type>
CTK_INLINE void pack_as_pairs(const Matrix& from, int64_t width, uint32_t* out) {
  const char* base = static_cast<const char*>(from.data);
  constexpr int64_t size = type == Element::float32 ? 4 : 2;
  const int64_t pairs = (from.columns + 1) / 2;
  for (int64_t strip = 0; strip < from.rows; strip += width, out += width * pairs) {
    const int64_t rows = std::min(from.rows - strip, width);
    auto at = [&](int64_t row, int64_t k) { return base + ((strip + row) * from.row_stride + k * from.column_stride) * size; };
    if (from.row_stride == 1) {
      for (int64_t pair = 0; pair < pairs; ++pair)
        for (int64_t row = 0; row < width; row += kLanes) {
          const int64_t count = std::max<int64_t>(0, rows - row);
          const Ints low = rounded(gathered<type>(at(row, 2 * pair), 1, count));
          const Ints high = 2 * pair + 1 < from.columns ? rounded(gathered<type>(at(row, 2 * pair + 1), 1, count)) : Ints{};
          const Ints both = high | (Ints)(((Unsigned)low) >> 16);
          __builtin_memcpy(out + pair * width + row, &both, std::min<int64_t>(kLanes, width - row) * 4);
        }
      continue;
    }
    // Rows of 16 pairs, rounded as vectors, then turned through a block that stays in the first-level cache.
    uint32_t block[kColumns][kLanes];
    for (int64_t pair = 0; pair < pairs; pair += kLanes) {
      const int64_t reach = std::min<int64_t>(kLanes, pairs - pair), k = 2 * pair;
      for (int64_t row = 0; row < rows; ++row) {
        const Floats first = gathered<type>(at(row, k), from.column_stride, from.columns - k);
        const Floats second = gathered<type>(at(row, k + kLanes), from.column_stride, std::max<int64_t>(0, from.columns - k - kLanes));
        const __m512bh both = _mm512_cvtne2ps_pbh((__m512)second, (__m512)first);
        __builtin_memcpy(block[row], &both, sizeof both);
      }
      for (int64_t row = rows; row < width; ++row) __builtin_memset(block[row], 0, sizeof block[row]);
      for (int64_t i = 0; i < reach; ++i)
        for (int64_t row = 0; row < width; ++row) out[(pair + i) * width + row] = block[row][i];
    }
  }
}

static void pack(const Matrix& from, int64_t width, void* out) {
  uint32_t* to = static_cast<uint32_t*>(out);
  switch (from.type) {
    case Element::float32: return pack_as_pairs<Element::float32>(from, width, to);
    case Element::bfloat16: return pack_as_pairs<Element::bfloat16>(from, width, to);
    case Element::float16: return pack_as_pairs<Element::float16>(from, width, to);
  }
}

static void product(int64_t depth, const void* a, const void* b, float* c, int64_t stride, int64_t rows,
                    int64_t columns, bool accumulate) {
  const char* left = static_cast<const char*>(a);
  const char* right = static_cast<const char*>(b);
  Floats sums[kRows][kVectors] = {};
  for (int64_t pair = 0; pair < (depth + 1) / 2; ++pair) {
    __m512i line[kVectors];
    for (int v = 0; v < kVectors; ++v) line[v] = _mm512_loadu_si512(right + (pair * kColumns + v * kLanes) * 4);
    for (int row = 0; row < kRows; ++row) {
      int32_t both;
      __builtin_memcpy(&both, left + (pair * kRows + row) * 4, 4);
      const __m512i value = _mm512_set1_epi32(both);
      for (int v = 0; v < kVectors; ++v)
        sums[row][v] = (Floats)_mm512_dpbf16_ps((__m512)sums[row][v], (__m512bh)value, (__m512bh)line[v]);
    }
  }
  write_tile(sums, c, stride, rows, columns, accumulate);
}

}  // namespace ctk::avx512_bf16
#pragma GCC pop_options
#endif

namespace ctk {
namespace {

constexpr int64_t kPage = 4096;

// Work below which a thread is not worth waking: numbers to pack, products to add up.
constexpr int64_t kNumbers = 1 << 15;
constexpr int64_t kProducts = 1 << 20;

int64_t at_once(int64_t enough, int64_t each) { return std::max<int64_t>(1, enough / std::max<int64_t>(1, each)); }

int64_t up(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

// Rows of a block of a, and bytes of its depth: 196 kB, under the smallest second-level caches in use.
constexpr int64_t kHeight = 96;
constexpr int64_t kDepthBytes = 2048;

struct Kernels {
  void (*pack)(const Matrix&, int64_t, void*);
  void (*product)(int64_t, const void*, const void*, float*, int64_t, int64_t, int64_t, bool);
  int64_t rows, columns, bytes;
  int64_t depth = kDepthBytes / bytes;

  // Of one column of packed elements, padded to whole pairs where products take pairs.
  int64_t column_bytes(int64_t elements) const { return (elements * bytes + 3) / 4 * 4; }
};

Kernels kernels_for([[maybe_unused]] Products products) {
  const Isa here = isa();
#if defined(__x86_64__)
  if (products == Products::bfloat16)
    return {avx512_bf16::pack, avx512_bf16::product, avx512_bf16::kRows, avx512_bf16::kColumns, 2};
#endif
  return {PICK(here, pack), PICK(here, product), PICK(here, kRows), PICK(here, kColumns), 4};
}

}  // namespace

bool has_bfloat16_products() { return isa() == Isa::avx512_bf16; }

Products products_for(Element element) {
  return element == Element::bfloat16 && has_bfloat16_products() ? Products::bfloat16 : Products::float32;
}

Workspace::~Workspace() { std::free(block_); }

char* Workspace::at_least(int64_t bytes) {
  if (bytes > size_) {
    std::free(block_);
    size_ = 0;
    block_ = static_cast<char*>(std::aligned_alloc(kPage, up(bytes, kPage)));
    if (!block_) throw std::bad_alloc();
    size_ = bytes;
  }
  return block_;
}

Packed pack(Products products, const Matrix& b, Workspace& workspace) {
  const Kernels kernels = kernels_for(products);
  const int64_t column_bytes = kernels.column_bytes(b.rows);
  char* data = workspace.at_least(up(b.columns, kernels.columns) * column_bytes);
  const int64_t strips = (b.columns + kernels.columns - 1) / kernels.columns;
  for (int64_t start = 0; start < b.rows; start += kernels.depth) {
    const int64_t reach = std::min(kernels.depth, b.rows - start);
    char* block = data + up(b.columns, kernels.columns) * kernels.column_bytes(start);
    parallel(0, strips, [&](int64_t first, int64_t last, int) {
      const int64_t from = first * kernels.columns, to = std::min(last * kernels.columns, b.columns);
      kernels.pack(b.part(start, reach, from, to - from).transposed(), kernels.columns,
                   block + from * kernels.column_bytes(reach));
    }, at_once(kNumbers, reach * kernels.columns));
  }
  return {products, b.rows, b.columns, data};
}

void multiply(const Matrix& a, const Packed& b, float* c, int64_t stride, bool accumulate, Workspace& workspace) {
  const Kernels kernels = kernels_for(b.products);
  if (b.depth == 0 && !accumulate)
    for (int64_t row = 0; row < a.rows; ++row) std::fill_n(c + row * stride, b.columns, 0.0f);
  const int64_t share = up((a.rows + threads() - 1) / threads(), kernels.rows);
  const int64_t height = std::min(kHeight, std::max(share, kernels.rows));
  const int64_t blocks = (a.rows + height - 1) / height;
  const int64_t block_bytes = up(height * kernels.column_bytes(std::min(b.depth, kernels.depth)), kPage);
  char* left = workspace.at_least(block_bytes * threads());
  for (int64_t start = 0; start < b.depth; start += kernels.depth) {
    const int64_t reach = std::min(kernels.depth, b.depth - start);
    const int64_t column_bytes = kernels.column_bytes(reach);
    const char* right = b.data + up(b.columns, kernels.columns) * kernels.column_bytes(start);
    parallel(0, blocks, [&](int64_t first, int64_t last, int thread) {
      char* mine = left + thread * block_bytes;
      for (int64_t number = first; number < last; ++number) {
        const int64_t top = number * height, tall = std::min(height, a.rows - top);
        kernels.pack(a.part(top, tall, start, reach), kernels.rows, mine);
        for (int64_t column = 0; column < b.columns; column += kernels.columns)
          for (int64_t row = 0; row < tall; row += kernels.rows)
            kernels.product(reach, mine + row * column_bytes, right + column * column_bytes,
                            c + (top + row) * stride + column, stride, std::min(kernels.rows, tall - row),
                            std::min(kernels.columns, b.columns - column), accumulate || start > 0);
      }
    }, at_once(kProducts, height * reach * b.columns));
  }
}

void gemm(Products products, const Matrix& a, const Matrix& b, float* c, int64_t stride, bool accumulate,
          Workspaces& workspaces) {
  constexpr int64_t width = 2048;
  for (int64_t column = 0; column < b.columns; column += width) {
    const Matrix part = b.part(0, b.rows, column, std::min(width, b.columns - column));
    multiply(a, pack(products, part, workspaces.right), c + column, stride, accumulate, workspaces.left);
  }
}

}  // namespace ctk
