// Packing and the innermost product; included once for every instruction set.

#include "elements.inl"

namespace ctk::CTK_NAMESPACE {

// Rows of a register tile. With kVectors vectors of columns: 24 accumulators of AVX-512's 32 registers, 12 of 16 elsewhere.
constexpr int kRows = 6;
constexpr int kVectors = CTK_VECTORS;
constexpr int kColumns = kVectors * kLanes;

// Strips of `width` rows, each strip with its columns one after another: out[strip][column][row]. Rows past the last
// are zeros, so that the product knows no edges.
template <Element type>
CTK_INLINE void pack_as(const Matrix& from, int64_t width, float* out) {
  const char* base = static_cast<const char*>(from.data);
  constexpr int64_t size = type == Element::float32 ? 4 : 2;
  for (int64_t strip = 0; strip < from.rows; strip += width) {
    const int64_t rows = from.rows - strip < width ? from.rows - strip : width;
    if (from.row_stride == 1) {
      for (int64_t k = 0; k < from.columns; ++k, out += width) {
        const void* line = base + (strip + k * from.column_stride) * size;
        for (int64_t row = 0; row < rows; ++row) out[row] = element<type>(line, row);
        for (int64_t row = rows; row < width; ++row) out[row] = 0;
      }
      continue;
    }
    constexpr int64_t block = 16;  // columns at a time, so that the lines written to stay in the first-level cache
    for (int64_t start = 0; start < from.columns; start += block) {
      const int64_t stop = from.columns - start < block ? from.columns - start : block;
      for (int64_t row = 0; row < rows; ++row) {
        const void* line = base + ((strip + row) * from.row_stride + start * from.column_stride) * size;
        for (int64_t k = 0; k < stop; ++k) out[k * width + row] = element<type>(line, k * from.column_stride);
      }
      for (int64_t row = rows; row < width; ++row)
        for (int64_t k = 0; k < stop; ++k) out[k * width + row] = 0;
      out += stop * width;
    }
  }
}

static void pack(const Matrix& from, int64_t width, void* out) {
  float* to = static_cast<float*>(out);
  switch (from.type) {
    case Element::float32: return pack_as<Element::float32>(from, width, to);
    case Element::bfloat16: return pack_as<Element::bfloat16>(from, width, to);
    case Element::float16: return pack_as<Element::float16>(from, width, to);
  }
}

// A full register tile goes straight to c; one at an edge through memory.
CTK_INLINE void write_tile(Floats (&sums)[kRows][kVectors], float* c, int64_t stride, int64_t rows, int64_t columns,
                           bool accumulate) {
  if (rows == kRows && columns == kColumns) {
    for (int row = 0; row < kRows; ++row)
      for (int v = 0; v < kVectors; ++v) {
        float* place = c + row * stride + v * kLanes;
        store(place, accumulate ? load(place) + sums[row][v] : sums[row][v]);
      }
    return;
  }
  float edge[kRows][kColumns];
  for (int row = 0; row < kRows; ++row)
    for (int v = 0; v < kVectors; ++v) store(&edge[row][v * kLanes], sums[row][v]);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column) {
      float& place = c[row * stride + column];
      place = accumulate ? place + edge[row][column] : edge[row][column];
    }
}

static void product(int64_t depth, const void* a, const void* b, float* c, int64_t stride, int64_t rows,
                    int64_t columns, bool accumulate) {
  const float* left = static_cast<const float*>(a);
  const float* right = static_cast<const float*>(b);
  Floats sums[kRows][kVectors] = {};
  for (int64_t k = 0; k < depth; ++k) {
    Floats line[kVectors];
    for (int v = 0; v < kVectors; ++v) line[v] = load(right + k * kColumns + v * kLanes);
    for (int row = 0; row < kRows; ++row) {
      const Floats value = splat(left[k * kRows + row]);
      for (int v = 0; v < kVectors; ++v) sums[row][v] += value * line[v];
    }
  }
  write_tile(sums, c, stride, rows, columns, accumulate);
}

}  // namespace ctk::CTK_NAMESPACE
