// Elements of any type as float32; included once for every instruction set.

namespace ctk::CTK_NAMESPACE {

template <Element type>
CTK_INLINE float element(const void* data, int64_t index) {
  if constexpr (type == Element::float32) return static_cast<const float*>(data)[index];
  const uint16_t bits = static_cast<const uint16_t*>(data)[index];
  if constexpr (type == Element::float16) {
    Half half;
    __builtin_memcpy(&half, &bits, 2);
    return static_cast<float>(half);
  } else {
    const uint32_t wide = static_cast<uint32_t>(bits) << 16;
    float value;
    __builtin_memcpy(&value, &wide, 4);
    return value;
  }
}

template <Element type>
CTK_INLINE void to_float_from(const Matrix& from, float* out) {
  constexpr int64_t size = type == Element::float32 ? 4 : 2;
  for (int64_t row = 0; row < from.rows; ++row, out += from.columns) {
    const char* line = static_cast<const char*>(from.data) + row * from.row_stride * size;
    for (int64_t k = 0; k < from.columns; ++k) out[k] = element<type>(line, k * from.column_stride);
  }
}

// Rows one after another.
[[maybe_unused]] static void to_float(const Matrix& from, float* out) {
  switch (from.type) {
    case Element::float32: return to_float_from<Element::float32>(from, out);
    case Element::bfloat16: return to_float_from<Element::bfloat16>(from, out);
    case Element::float16: return to_float_from<Element::float16>(from, out);
  }
}

}  // namespace ctk::CTK_NAMESPACE
