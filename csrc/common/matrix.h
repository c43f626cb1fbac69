// A read-only matrix of float32, bfloat16 or float16, with strides in elements.
#pragma once

#include <cstdint>

namespace ctk {

#if defined(__aarch64__)
using Half = __fp16;  // g++ 12 has no _Float16 there
#else
using Half = _Float16;
#endif

enum class Element : int { float32, bfloat16, float16 };

struct Matrix {
  const void* data;
  Element type;
  int64_t rows, columns, row_stride, column_stride;

  Matrix transposed() const { return {data, type, columns, rows, column_stride, row_stride}; }
  Matrix part(int64_t row, int64_t row_count, int64_t column, int64_t column_count) const {
    const int64_t offset = row * row_stride + column * column_stride;
    const int64_t bytes = type == Element::float32 ? 4 : 2;
    return {static_cast<const char*>(data) + offset * bytes, type, row_count, column_count, row_stride, column_stride};
  }
  Matrix rows_from(int64_t row, int64_t count) const { return part(row, count, 0, columns); }
};

}  // namespace ctk
