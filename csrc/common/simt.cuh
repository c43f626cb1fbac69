// What device code needs beyond the language. A kernel that keeps to this file and to the CUDA built-ins also compiles as
// plain C++ over tests/ops/emulation/simt.h, where tests run it on a processor, one thread of a block after another.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#ifdef __CUDACC__
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#define CTK_BOTH __host__ __device__ __forceinline__
#define CTK_DEVICE __device__ __forceinline__
#else
#define CTK_BOTH inline
#define CTK_DEVICE inline
#endif

namespace ctk {

constexpr int kWarp = 32;
constexpr uint32_t kAllLanes = 0xffffffffu;

// 2^x to 2 ulp; 0 below 2^-126.
CTK_DEVICE float exp2_fast(float x) {
#ifdef __CUDA_ARCH__
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return std::exp2(x);
#endif
}

// The same, but the compiler does not know: it compares again where it would have kept the result of many comparisons.
CTK_DEVICE int32_t unknown(int32_t value) {
#ifdef __CUDA_ARCH__
  asm volatile("" : "+r"(value));
#endif
  return value;
}

struct Bfloat16 {
  uint16_t bits;
};

struct Float16 {
  uint16_t bits;
};

CTK_DEVICE float widen(float value) { return value; }

CTK_DEVICE float widen(Bfloat16 value) {
  const uint32_t bits = static_cast<uint32_t>(value.bits) << 16;
  float wide;
  memcpy(&wide, &bits, 4);
  return wide;
}

CTK_DEVICE float widen(Float16 value) {
#ifdef __CUDA_ARCH__
  return __half2float(__ushort_as_half(value.bits));
#else
  _Float16 half;
  memcpy(&half, &value.bits, 2);
  return static_cast<float>(half);
#endif
}

// To the nearest, ties to even.
template <class Narrow>
CTK_DEVICE Narrow narrow(float value);

template <>
CTK_DEVICE float narrow<float>(float value) {
  return value;
}

template <>
CTK_DEVICE Bfloat16 narrow<Bfloat16>(float value) {
#ifdef __CUDA_ARCH__
  return {__bfloat16_as_ushort(__float2bfloat16_rn(value))};
#else
  uint32_t bits;
  memcpy(&bits, &value, 4);
  if (value != value) return {0x7fff};
  return {static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
#endif
}

template <>
CTK_DEVICE Float16 narrow<Float16>(float value) {
#ifdef __CUDA_ARCH__
  return {__half_as_ushort(__float2half_rn(value))};
#else
  const _Float16 half = static_cast<_Float16>(value);
  uint16_t bits;
  memcpy(&bits, &half, 2);
  return {bits};
#endif
}

// Four entries of a row that are read or written at once.
template <class T>
struct alignas(4 * sizeof(T)) Four {
  T x[4];
};

// Entries [column, column + 4) of a row of `columns`. What lies past the last is read from elsewhere in the row, and is
// not written. With kAligned `columns` and the row's address are multiples of four entries.
template <bool kAligned, class T>
CTK_DEVICE Four<T> load_four(const T* row, int column, int columns) {
  if constexpr (kAligned) {
    return *reinterpret_cast<const Four<T>*>(row + (column < columns ? column : 0));
  } else {
    Four<T> four;
#pragma unroll
    for (int i = 0; i < 4; ++i) four.x[i] = row[column + i < columns ? column + i : columns - 1];
    return four;
  }
}

template <bool kAligned, class T>
CTK_DEVICE void store_four(T* row, int column, int columns, const Four<T>& four) {
  if constexpr (kAligned) {
    if (column < columns) *reinterpret_cast<Four<T>*>(row + column) = four;
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i)
      if (column + i < columns) row[column + i] = four.x[i];
  }
}

// Reduces each of eight values over a warp with 9 shuffles instead of 40: at each step lanes send half of what they
// still hold. Lane l gets the result of value l / 4.
template <class T, class Combine>
CTK_DEVICE T reduce_eight(T (&value)[8], int lane, const Combine& combine) {
#pragma unroll
  for (int half = 4; half >= 1; half /= 2) {
    const bool upper = lane & (half * 4);
#pragma unroll
    for (int i = 0; i < half; ++i) {
      const T sent = upper ? value[i] : value[i + half];
      const T kept = upper ? value[i + half] : value[i];
      value[i] = combine(kept, __shfl_xor_sync(kAllLanes, sent, half * 4));
    }
  }
  value[0] = combine(value[0], __shfl_xor_sync(kAllLanes, value[0], 2));
  return combine(value[0], __shfl_xor_sync(kAllLanes, value[0], 1));
}

template <class T>
CTK_DEVICE T warp_sum(T value) {
#pragma unroll
  for (int distance = kWarp / 2; distance >= 1; distance /= 2)
    value += __shfl_xor_sync(kAllLanes, value, distance);
  return value;
}

// Sum over a block of kThreads threads, in an order that does not change; thread 0 gets it. `shared` has an entry a warp.
template <int kThreads>
CTK_DEVICE double block_sum(double value, double* shared) {
  const int thread = threadIdx.x;
  value = warp_sum(value);
  if (thread % kWarp == 0) shared[thread / kWarp] = value;
  __syncthreads();
  if (thread == 0)
    for (int warp = 1; warp < kThreads / kWarp; ++warp) value += shared[warp];
  __syncthreads();
  return value;
}

}  // namespace ctk
