// Sums of |x| and of its slopes on a GPU.
#pragma once

#include "../common/simt.cuh"
#include "problem.h"

namespace ctk::slopes {

constexpr int kThreads = 128;
constexpr int kWarps = kThreads / kWarp;

// Shares that go on together: their 16 sums and a thread's rows stay in registers.
constexpr int kShares = 8;

// Rows that a thread holds while all shares pass: as many as fit 32 registers with the way from the blend to the member.
template <class T>
constexpr int kHeld = kRun * 4 / sizeof(T);

// Rows that a block takes of one member.
template <class T>
constexpr int kBlock = kThreads * kHeld<T>;

// `value` times the sign of x; at zero the sign that the zero has.
CTK_DEVICE float turned(float value, float x) {
  uint32_t bits, sign;
  memcpy(&bits, &value, 4);
  memcpy(&sign, &x, 4);
  bits ^= sign & 0x80000000u;
  memcpy(&value, &bits, 4);
  return value;
}

CTK_DEVICE double turned(double value, double x) {
  uint64_t bits, sign;
  memcpy(&bits, &value, 8);
  memcpy(&sign, &x, 8);
  bits ^= sign & 0x8000000000000000u;
  memcpy(&value, &bits, 8);
  return value;
}

// A block a member and kBlock of its rows; those of all members over the same rows of the blend follow each other.
// parts[(2 * place + i) * blocks + block], i = 0 the sum of |x|, 1 that of the slopes; place m * K + k.
template <class T>
__global__ void __launch_bounds__(kThreads) sum_rows(Problem<T> problem, int64_t blocks, double* parts) {
  __shared__ T sums[kWarps][2 * kShares];
  const int thread = threadIdx.x, lane = thread % kWarp, warp = thread / kWarp;
  const int64_t m = blockIdx.x % problem.count, block = blockIdx.x / problem.count;
  const T* member = problem.member(m);

  T e[kHeld<T>], toward[kHeld<T>];
#pragma unroll
  for (int i = 0; i < kHeld<T>; ++i) {
    const int64_t row = block * kBlock<T> + i * kThreads + thread;
    const bool there = row < problem.rows;  // zeros after the last add nothing
    e[i] = there ? problem.blend[row] : T(0);
    toward[i] = there ? member[row] - e[i] : T(0);
  }

#pragma unroll 1
  for (int64_t first = 0; first < problem.places; first += kShares) {
    T value[kShares], slope[kShares];
#pragma unroll
    for (int k = 0; k < kShares; ++k) {
      const T share = first + k < problem.places ? problem.share(m * problem.places + first + k) : T(0);
      value[k] = slope[k] = 0;
#pragma unroll
      for (int i = 0; i < kHeld<T>; ++i) {
        const T x = e[i] + share * toward[i];
        value[k] += fabs(x);
        slope[k] += turned(toward[i], x);
      }
    }
    const auto plus = [](T a, T b) { return a + b; };
    const T of_value = reduce_eight(value, lane, plus), of_slope = reduce_eight(slope, lane, plus);
    if (lane % 4 == 0) {
      sums[warp][lane / 4] = of_value;
      sums[warp][kShares + lane / 4] = of_slope;
    }
    __syncthreads();
    const int64_t k = first + thread % kShares;
    if (thread < 2 * kShares && k < problem.places) {
      double total = 0;
      for (int each = 0; each < kWarps; ++each) total += sums[each][thread];
      parts[(2 * (m * problem.places + k) + thread / kShares) * blocks + block] = total;
    }
    __syncthreads();
  }
}

// A block a place.
template <class T>
__global__ void __launch_bounds__(kThreads)
sum_parts(Problem<T> problem, int64_t blocks, const double* parts, double* values, double* slopes) {
  __shared__ double sums[kWarps];
  const int64_t place = blockIdx.x;
  const double* of_value = parts + 2 * place * blocks;
  const double* of_slope = of_value + blocks;
  double value = 0, slope = 0;
  for (int64_t block = threadIdx.x; block < blocks; block += kThreads) {
    value += of_value[block];
    slope += of_slope[block];
  }
  value = block_sum<kThreads>(value, sums);
  slope = block_sum<kThreads>(slope, sums);
  if (threadIdx.x > 0) return;
  const bool known = problem.known(place, value);
  values[place] = known ? value : NAN;
  slopes[place] = known ? slope : NAN;
}

}  // namespace ctk::slopes
