// Vectors of CTK_BYTES bytes by the compiler's vector extensions: one source for AVX-512, AVX2, SSE2 and NEON.
// Included by each_isa.h once for every instruction set; needs <cstdint> before.

namespace ctk::CTK_NAMESPACE {

typedef float Floats __attribute__((vector_size(CTK_BYTES)));
typedef int32_t Ints __attribute__((vector_size(CTK_BYTES)));
typedef uint32_t Unsigned __attribute__((vector_size(CTK_BYTES)));
typedef double Doubles __attribute__((vector_size(CTK_BYTES)));
typedef float HalfFloats __attribute__((vector_size(CTK_BYTES / 2)));

constexpr int kLanes = CTK_BYTES / 4;

#define CTK_INLINE static inline __attribute__((always_inline))

CTK_INLINE Floats load(const float* from) {
  Floats v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}
CTK_INLINE Ints load(const int32_t* from) {
  Ints v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}
// The first `count` lanes, zeros in the others; all of them if count is more than there are.
CTK_INLINE Floats load_some(const float* from, int64_t count) {
  if (count >= kLanes) return load(from);
  Floats v = {};
  __builtin_memcpy(&v, from, count * 4);
  return v;
}
CTK_INLINE Ints load_some(const int32_t* from, int64_t count) {
  if (count >= kLanes) return load(from);
  Ints v = {};
  __builtin_memcpy(&v, from, count * 4);
  return v;
}
CTK_INLINE void store_some(float* to, Floats v, int64_t count) {
  __builtin_memcpy(to, &v, count >= kLanes ? sizeof v : count * 4);
}
CTK_INLINE void store(float* to, Floats v) { __builtin_memcpy(to, &v, sizeof v); }
CTK_INLINE void store(int32_t* to, Ints v) { __builtin_memcpy(to, &v, sizeof v); }
CTK_INLINE Floats splat(float value) { return Floats{} + value; }
CTK_INLINE Ints splat(int32_t value) { return Ints{} + value; }
// -1 in the first `count` lanes, 0 in the others.
CTK_INLINE Ints first_lanes(int64_t count) {
  Ints lane;
  for (int each = 0; each < kLanes; ++each) lane[each] = each;
  return lane < static_cast<int32_t>(count < kLanes ? count : kLanes);
}
CTK_INLINE Floats where(Ints mask, Floats yes, Floats no) { return mask ? yes : no; }
CTK_INLINE Floats max(Floats a, Floats b) { return a <= b ? b : a; }
CTK_INLINE Floats magnitude(Floats v) {
  return (Floats)((Ints)v & 0x7fffffff);
}

CTK_INLINE float sum(Floats v) {
  float total = 0;
  for (int lane = 0; lane < kLanes; ++lane) total += v[lane];
  return total;
}
CTK_INLINE double sum(Doubles v) {
  double total = 0;
  for (int lane = 0; lane < kLanes / 2; ++lane) total += v[lane];
  return total;
}
CTK_INLINE int32_t sum(Ints v) {
  int32_t total = 0;
  for (int lane = 0; lane < kLanes; ++lane) total += v[lane];
  return total;
}
CTK_INLINE float highest(Floats v) {
  float best = v[0];
  for (int lane = 1; lane < kLanes; ++lane) best = v[lane] <= best ? best : v[lane];
  return best;
}

// One bit a lane of a comparison's result (each lane 0 or -1).
CTK_INLINE uint32_t bits(Ints mask) {
#if CTK_BYTES == 64
  return __builtin_ia32_cvtd2mask512((__attribute__((vector_size(64))) int)mask);
#elif CTK_BYTES == 32
  return __builtin_ia32_movmskps256((Floats)mask);
#else
  uint32_t all = 0;
  for (int lane = 0; lane < kLanes; ++lane) all |= (mask[lane] & 1u) << lane;
  return all;
#endif
}

// e^x to 2 ulp: x = n ln 2 + r with |r| <= ln 2 / 2, a Taylor polynomial of degree 7 for e^r, and 2^n by the exponent
// field (Cody and Waite 1980). Below -87.3, where float32 has no normal numbers, 0; NaN stays NaN; above 88, inf.
CTK_INLINE Floats exp(Floats x) {
  const Floats shift = splat(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer, in the low bits
  const Floats clipped = x < -88.0f ? splat(-88.0f) : x > 89.0f ? splat(89.0f) : x;
  const Floats shifted = clipped * 1.44269504088896341f + shift;
  const Floats n = shifted - shift;
  Floats r = clipped - n * 0.693145751953125f;
  r = r - n * 1.42860682030941723212e-6f;
  Floats p = splat(1.0f / 5040);
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  // In two factors, as 2^128 alone has no float32.
  const Ints exponent = (Ints)shifted - (Ints)shift;
  const Ints half = exponent >> 1;
  const Floats result = p * (Floats)((half + 127) << 23) * (Floats)((exponent - half + 127) << 23);
  return x < -87.3f ? splat(0.0f) : result;
}

}  // namespace ctk::CTK_NAMESPACE
