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

// To the nearest bfloat16, ties to even; NaN stays NaN.
CTK_INLINE uint16_t rounded(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, 4);
  const uint32_t up = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  return static_cast<uint16_t>(value == value ? up : 0x7fc0);
}

template <Element type>
CTK_INLINE uint16_t as_bfloat16(const void* data, int64_t index) {
  if constexpr (type == Element::bfloat16) return static_cast<const uint16_t*>(data)[index];
  return rounded(element<type>(data, index));
}

// As avx512::pack, with two columns side by side: out[strip][column / 2][row][column % 2]. An odd last one is paired with
// zeros.
template <Element type>
CTK_INLINE void pack_as_pairs(const Matrix& from, int64_t width, uint16_t* out) {
  const char* base = static_cast<const char*>(from.data);
  constexpr int64_t size = type == Element::float32 ? 4 : 2;
  const int64_t depth = (from.columns + 1) / 2 * 2;
  for (int64_t strip = 0; strip < from.rows; strip += width, out += width * depth) {
    const int64_t rows = std::min(from.rows - strip, width);
    for (int64_t i = rows < width || depth > from.columns ? 0 : width * depth; i < width * depth; ++i) out[i] = 0;
    if (from.row_stride == 1) {
      for (int64_t k = 0; k < from.columns; ++k) {
        const void* line = base + (strip + k * from.column_stride) * size;
        uint16_t* to = out + k / 2 * 2 * width + k % 2;
        for (int64_t row = 0; row < rows; ++row) to[2 * row] = as_bfloat16<type>(line, row);
      }
      continue;
    }
    constexpr int64_t block = 32;
    for (int64_t start = 0; start < from.columns; start += block) {
      const int64_t stop = std::min(from.columns - start, block);
      for (int64_t row = 0; row < rows; ++row) {
        const void* line = base + ((strip + row) * from.row_stride + start * from.column_stride) * size;
        uint16_t* to = out + start * width + 2 * row;
        for (int64_t k = 0; k < stop; ++k) {
          to[k / 2 * 2 * width + k % 2] = as_bfloat16<type>(line, k * from.column_stride);
        }
      }
    }
  }
}

static void pack(const Matrix& from, int64_t width, void* out) {
  uint16_t* to = static_cast<uint16_t*>(out);
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

// Rows of a and depth of a block of a: with float32 196 kB, under the smallest second-level caches in use. A block of b
// is kDepth x kWidth: 4 MB.
constexpr int64_t kHeight = 96;
constexpr int64_t kWidth = 2048;
constexpr int64_t kDepth = 512;

struct Kernels {
  void (*pack)(const Matrix&, int64_t, void*);
  void (*product)(int64_t, const void*, const void*, float*, int64_t, int64_t, int64_t, bool);
  int64_t rows, columns, bytes;
};

Kernels kernels_for(Products products) {
  const Isa here = isa();
#if defined(__x86_64__)
  if (products == Products::bfloat16)
    return {avx512_bf16::pack, avx512_bf16::product, avx512_bf16::kRows, avx512_bf16::kColumns, 2};
#endif
  return {PICK(here, pack), PICK(here, product), PICK(here, kRows), PICK(here, kColumns), 4};
}

int64_t up(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

}  // namespace

bool has_bfloat16_products() { return isa() == Isa::avx512_bf16; }

Products products_for(Element element) {
  return element == Element::bfloat16 && has_bfloat16_products() ? Products::bfloat16 : Products::float32;
}

Workspace::~Workspace() { std::free(shared_); }

char* Workspace::grow(char*& block, int64_t& size, int64_t bytes) {
  if (bytes > size) {
    std::free(block);
    size = 0;
    block = static_cast<char*>(std::aligned_alloc(kPage, up(bytes, kPage)));
    if (!block) throw std::bad_alloc();
    size = bytes;
  }
  return block;
}

void gemm(Products products, const Matrix& a, const Matrix& b, float* c, int64_t stride, bool accumulate,
          Workspace& workspace) {
  const Kernels kernels = kernels_for(products);
  const int64_t rows = a.rows, columns = b.columns, all = a.columns;
  if (all == 0 && !accumulate)
    for (int64_t row = 0; row < rows; ++row) std::fill_n(c + row * stride, columns, 0.0f);
  const int64_t depth = kDepth * 4 / kernels.bytes;
  const int64_t share = up((rows + threads() - 1) / threads(), kernels.rows);
  const int64_t height = std::min(kHeight, std::max<int64_t>(share, kernels.rows));
  const int64_t blocks = (rows + height - 1) / height;
  const int64_t width = std::min(up(columns, kernels.columns), kWidth);
  const int64_t deep = std::min(up(all, 2), depth);
  const int64_t b_bytes = up(width * deep * kernels.bytes, kPage);
  const int64_t a_bytes = up(height * deep * kernels.bytes, kPage);
  char* packed_b = workspace.shared(b_bytes + a_bytes * threads());
  char* packed_a = packed_b + b_bytes;
  for (int64_t right = 0; right < columns; right += width) {
    const int64_t wide = std::min(width, columns - right);
    for (int64_t start = 0; start < all; start += depth) {
      const int64_t reach = std::min(depth, all - start);
      const int64_t strip_bytes = up(reach, 4 / kernels.bytes) * kernels.bytes;  // of one column
      const Matrix block = b.part(start, reach, right, wide).transposed();
      parallel(0, (wide + kernels.columns - 1) / kernels.columns, [&](int64_t first, int64_t last, int) {
        const int64_t from = first * kernels.columns, to = std::min(last * kernels.columns, wide);
        kernels.pack(block.rows_from(from, to - from), kernels.columns, packed_b + from * strip_bytes);
      });
      parallel(0, blocks, [&](int64_t first, int64_t last, int thread) {
        char* mine = packed_a + thread * a_bytes;
        for (int64_t number = first; number < last; ++number) {
          const int64_t top = number * height, tall = std::min(height, rows - top);
          kernels.pack(a.part(top, tall, start, reach), kernels.rows, mine);
          for (int64_t column = 0; column < wide; column += kernels.columns)
            for (int64_t row = 0; row < tall; row += kernels.rows)
              kernels.product(reach, mine + row * strip_bytes, packed_b + column * strip_bytes,
                              c + (top + row) * stride + right + column, stride, std::min(kernels.rows, tall - row),
                              std::min(kernels.columns, wide - column), accumulate || start > 0);
        }
      });
    }
  }
}

}  // namespace ctk
