// The inner loops, compiled once per instruction set; kernels() picks the set at run time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace blend {

constexpr int kShares = 8;  // shares that one pass of `slopes` tries: enough arithmetic to hide the loads

constexpr int kSplit = 512;  // rows at a time for `split`: of tens of members they fit the second cache, of ten the first

struct Breakpoint {
  double share, weight;
};

struct Curve {
  double value, slope, curvature;
};

// On residuals (or probabilities) of the blend, e, and of a member, m, both of n numbers; x = e + share * (m - e).
template <class T>
struct RowKernels {
  // a subgradient by share of sum |x|, at each of kShares shares
  void (*slopes)(const T* e, const T* m, int64_t n, const double* shares, double* slopes);
  // the same at one share
  void (*slope)(const T* e, const T* m, int64_t n, const double* share, double* slope);
  // sum |x|
  double (*absolute)(const T* e, const T* m, int64_t n, double share);
  // appends the shares in (low, high] at which some x crosses zero, with |m - e|
  void (*crossings)(const T* e, const T* m, int64_t n, double low, double high, std::vector<Breakpoint>& out);
  // sum of smooth_l1(x) with beta 1, and its derivatives by share
  Curve (*smooth_l1)(const T* e, const T* m, int64_t n, double share, double unused);
  // sum of -log(clip(x, eps, 1 - eps)), and its derivatives by share
  Curve (*logloss)(const T* e, const T* m, int64_t n, double share, double eps);
  // e = x; returns sum |x|
  double (*mix)(T* e, const T* m, int64_t n, double share);
  // sum |x| of x = sum weights[m] from[m] over rows first .. first + n
  double (*mixed)(const T* const* from, const double* weights, int members, int64_t first, int64_t n);
  // of n <= kSplit rows from `first` on: signs of x = sum weights[m] from[m], zero where |x| is at most reach times the
  // members' range in that row; adds sum sign * from[m] to linear[m]
  void (*split)(const T* const* from, const double* weights, int members, int64_t first, int64_t n, double reach,
                T* signs, double* linear);
};

struct Kernels {
  const char* name;
  int lanes;  // doubles in a vector; tiles and Gram sums are rows of so many
  int rows;   // members on the short side of a block of the Gram product; the other has 4
  // gram sums of residuals tile (members, vectors * lanes), members a multiple of 4; sums is gram_size doubles
  void (*gram)(const double* tile, int members, int vectors, double* sums);
  // tile (count, lanes) of doubles from rows of at least lanes numbers, less target's tile where there is one
  void (*pack_float)(const float* from, ptrdiff_t stride, int count, const double* target, double* tile);
  void (*pack_double)(const double* from, ptrdiff_t stride, int count, const double* target, double* tile);
  RowKernels<float> on_float;
  RowKernels<double> on_double;
};

const Kernels& kernels();
// All that this machine can run, slowest first: for tests.
std::vector<const Kernels*> runnable();
void use(const Kernels* set);  // nullptr: the best again

template <class T>
const RowKernels<T>& row_kernels();

}  // namespace blend
