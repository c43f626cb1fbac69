// One member's rows against the blend's, under all of its shares. Included once for every instruction set.

namespace ctk::CTK_NAMESPACE {

// Two sums a share, and the shares themselves, in the 16 or 32 registers that there are.
constexpr int kShares = 2 * CTK_VECTORS;

template <class T>
struct Vector {
  typedef Floats type;
  typedef Ints bits;
};
template <>
struct Vector<double> {
  typedef Doubles type;
  typedef int64_t bits __attribute__((vector_size(CTK_BYTES)));
};

CTK_INLINE Doubles widened(Doubles v) { return v; }
CTK_INLINE Doubles widened(Floats v) {
  HalfFloats half[2];
  __builtin_memcpy(half, &v, sizeof v);
  return __builtin_convertvector(half[0], Doubles) + __builtin_convertvector(half[1], Doubles);
}

// Adds up kShares shares, of which `count` are wanted: sums[2 k] of |x|, sums[2 k + 1] of the slopes.
template <class T>
CTK_INLINE void sum_shares(const T* blend, const T* member, int64_t rows, const T* shares, int count, double* sums) {
  using V = typename Vector<T>::type;
  using Bits = typename Vector<T>::bits;
  constexpr int lanes = sizeof(V) / sizeof(T);
  const V minus_zero = -V{};
  V share[kShares];
  Doubles values[kShares] = {}, slopes[kShares] = {};
  for (int k = 0; k < kShares; ++k) share[k] = V{} + (k < count ? shares[k] : 0);
  const int64_t full = rows / lanes * lanes;
  for (int64_t row = 0; row < rows;) {
    V value[kShares] = {}, slope[kShares] = {};
    const auto add = [&](const T* blend_at, const T* member_at) __attribute__((always_inline)) {
      V e, toward;
      __builtin_memcpy(&e, blend_at, sizeof e);
      __builtin_memcpy(&toward, member_at, sizeof toward);
      toward -= e;
#pragma GCC unroll 8
      for (int k = 0; k < kShares; ++k) {
        const V x = e + share[k] * toward;
        const Bits sign = (Bits)x & (Bits)minus_zero;
        value[k] += (V)((Bits)x ^ sign);
        slope[k] += (V)((Bits)toward ^ sign);
      }
    };
    const int64_t stop = full - row < slopes::kRun * lanes ? full : row + slopes::kRun * lanes;
    for (; row < stop; row += lanes) add(blend + row, member + row);
    if (row == full && row < rows) {
      // Zeros after the last add nothing.
      T rest[2][lanes] = {};
      __builtin_memcpy(rest[0], blend + row, (rows - row) * sizeof(T));
      __builtin_memcpy(rest[1], member + row, (rows - row) * sizeof(T));
      add(rest[0], rest[1]);
      row = rows;
    }
    for (int k = 0; k < kShares; ++k) {
      values[k] += widened(value[k]);
      slopes[k] += widened(slope[k]);
    }
  }
  for (int k = 0; k < count; ++k) {
    sums[2 * k] = sum(values[k]);
    sums[2 * k + 1] = sum(slopes[k]);
  }
}

// Rows [first, first + rows) of member m; sums (K, 2).
template <class T>
CTK_INLINE void sum_rows_of(const slopes::Problem<T>& problem, int64_t m, int64_t first, int64_t rows, double* sums) {
  for (int64_t k = 0; k < problem.places; k += kShares) {
    T shares[kShares];
    const int count = static_cast<int>(problem.places - k < kShares ? problem.places - k : kShares);
    for (int each = 0; each < count; ++each) shares[each] = problem.share(m * problem.places + k + each);
    sum_shares(problem.blend + first, problem.member(m) + first, rows, shares, count, sums + 2 * k);
  }
}

void sum_rows_float(const slopes::Problem<float>& problem, int64_t m, int64_t first, int64_t rows, double* sums) {
  sum_rows_of(problem, m, first, rows, sums);
}
void sum_rows_double(const slopes::Problem<double>& problem, int64_t m, int64_t first, int64_t rows, double* sums) {
  sum_rows_of(problem, m, first, rows, sums);
}

}  // namespace ctk::CTK_NAMESPACE
