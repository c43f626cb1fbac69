// Included by kernels.cpp in a namespace per instruction set, with WIDTH, the bytes of a vector, defined.

template <class T>
struct Vector {
  typedef T type __attribute__((vector_size(WIDTH)));
};
using D = Vector<double>::type;
constexpr int kLanes = WIDTH / sizeof(double);
constexpr int kRows = WIDTH == 64 ? 4 : 2;  // 4 x 4 sums and 8 operands fit 32 registers, 2 x 4 fit 16

template <class V, class T>
ALWAYS V load(const T* from) {
  V v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}

template <class V, class T>
ALWAYS void store(T* to, V v) {
  __builtin_memcpy(to, &v, sizeof v);
}

template <class V>
ALWAYS double sum(V v) {
  double total = 0;
  for (size_t i = 0; i < sizeof(V) / sizeof(v[0]); ++i) total += v[i];
  return total;
}

// ---- Gram matrices

void gram(const double* tile, int members, int vectors, double* sums) {
  const ptrdiff_t stride = static_cast<ptrdiff_t>(vectors) * kLanes;
  for (int first = 0; first < members; first += kRows) {
    for (int second = first / 4 * 4; second < members; second += 4) {
      const double* x = tile + first * stride;
      const double* y = tile + second * stride;
      D s[kRows][4] = {};
      for (int v = 0; v < vectors; ++v, x += kLanes, y += kLanes) {
        const D y0 = load<D>(y), y1 = load<D>(y + stride), y2 = load<D>(y + 2 * stride), y3 = load<D>(y + 3 * stride);
#pragma GCC unroll 4
        for (int i = 0; i < kRows; ++i) {
          const D xi = load<D>(x + i * stride);
          s[i][0] += xi * y0;
          s[i][1] += xi * y1;
          s[i][2] += xi * y2;
          s[i][3] += xi * y3;
        }
      }
#pragma GCC unroll 4
      for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j, sums += kLanes) store(sums, load<D>(sums) + s[i][j]);
    }
  }
}

template <class T>
void pack(const T* from, ptrdiff_t stride, int count, const double* target, double* tile) {
  typedef T Source __attribute__((vector_size(kLanes * sizeof(T))));
  for (int row = 0; row < count; ++row, from += stride, tile += kLanes) {
    D values = __builtin_convertvector(load<Source>(from), D);
    if (target) values -= load<D>(target + row * kLanes);
    store(tile, values);
  }
}

// ---- Rows of one member against the blend's

// Sums run in T's own lanes for this many vectors, then go on in double: float's error stays that of a short sum.
constexpr int kRun = 16;

// A sum in double of vectors of float or double; its lanes are added up at the very end only.
template <class T>
struct Total {
  static constexpr int parts = sizeof(double) / sizeof(T);
  D part[parts] = {};

  ALWAYS void add(typename Vector<T>::type v) {
    typedef T Piece __attribute__((vector_size(kLanes * sizeof(T))));
    for (int i = 0; i < parts; ++i) {
      Piece piece;
      __builtin_memcpy(&piece, reinterpret_cast<const char*>(&v) + i * sizeof piece, sizeof piece);
      part[i] += __builtin_convertvector(piece, D);
    }
  }

  ALWAYS double value() const {
    D all = part[0];
    for (int i = 1; i < parts; ++i) all += part[i];
    return sum(all);
  }
};

template <class T>
struct Rows {
  using V = typename Vector<T>::type;
  using Bits = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
  using B = typename Vector<Bits>::type;
  static constexpr int lanes = WIDTH / sizeof(T);

  // the last n % lanes numbers, filled up with zeros, which add nothing to sums of |x| or of slopes
  static ALWAYS V tail(const T* from, int64_t count) {
    V v = {};
    for (int64_t i = 0; i < count; ++i) v[i] = from[i];
    return v;
  }

  template <int kCount>
  static void slopes(const T* e, const T* m, int64_t n, const double* shares, double* slopes) {
    V share[kCount];
    Total<T> totals[kCount];
    for (int k = 0; k < kCount; ++k) share[k] = V{} + static_cast<T>(shares[k]);
    const B sign = B{} + std::numeric_limits<Bits>::min();
    for (int64_t i = 0; i < n;) {
      V slope[kCount] = {};
      const auto add = [&](V blend, V member) ALWAYS_LAMBDA {
        const V d = member - blend;
#pragma GCC unroll 8
        for (int k = 0; k < kCount; ++k) slope[k] += (V)((B)d ^ ((B)(blend + share[k] * d) & sign));
      };
      const int64_t full = std::min<int64_t>(i + kRun * lanes, n / lanes * lanes);
      for (; i < full; i += lanes) add(load<V>(e + i), load<V>(m + i));
      if (n - i < lanes && i < n) {
        add(tail(e + i, n - i), tail(m + i, n - i));
        i = n;
      }
      for (int k = 0; k < kCount; ++k) totals[k].add(slope[k]);
    }
    for (int k = 0; k < kCount; ++k) slopes[k] = totals[k].value();
  }

  static double absolute(const T* e, const T* m, int64_t n, double share) {
    const V s = V{} + static_cast<T>(share);
    const B sign = B{} + std::numeric_limits<Bits>::min();
    Total<T> total;
    for (int64_t i = 0; i < n;) {
      V value = {};
      const auto add = [&](V blend, V member) ALWAYS_LAMBDA {
        value += (V)((B)(blend + s * (member - blend)) & ~sign);
      };
      const int64_t full = std::min<int64_t>(i + kRun * lanes, n / lanes * lanes);
      for (; i < full; i += lanes) add(load<V>(e + i), load<V>(m + i));
      if (n - i < lanes && i < n) {
        add(tail(e + i, n - i), tail(m + i, n - i));
        i = n;
      }
      total.add(value);
    }
    return total.value();
  }

  static void crossings(const T* e, const T* m, int64_t n, double low, double high, std::vector<Breakpoint>& out) {
    const V from = V{} + static_cast<T>(low), to = V{} + static_cast<T>(high);
    const auto keep = [&](int64_t i) {
      const double d = static_cast<double>(m[i]) - e[i];
      if (d != 0) out.push_back({std::clamp(-e[i] / d, low, high), std::abs(d)});
    };
    int64_t i = 0;
    constexpr int kAtOnce = 8;  // vectors to ask about together: most hold none
    for (; i + kAtOnce * lanes <= n; i += kAtOnce * lanes) {
      B crossed[kAtOnce], any = {};
      for (int v = 0; v < kAtOnce; ++v) {
        const V blend = load<V>(e + i + v * lanes), d = load<V>(m + i + v * lanes) - blend;
        crossed[v] = (B)(blend + from * d) ^ (B)(blend + to * d);
        any |= crossed[v];
      }
      Bits all = 0;
      for (int lane = 0; lane < lanes; ++lane) all |= any[lane];
      if (all >= 0) continue;
      for (int v = 0; v < kAtOnce; ++v)
        for (int lane = 0; lane < lanes; ++lane)
          if (crossed[v][lane] < 0) keep(i + v * lanes + lane);
    }
    const T a = static_cast<T>(low), b = static_cast<T>(high);
    for (; i < n; ++i) {
      const T d = m[i] - e[i];
      if (std::signbit(e[i] + a * d) != std::signbit(e[i] + b * d)) keep(i);
    }
  }

  static Curve smooth_l1(const T* e, const T* m, int64_t n, double share, double) {
    const V s = V{} + static_cast<T>(share), one = V{} + T(1), half = V{} + T(0.5);
    Total<T> values, slopes, curvatures;
    for (int64_t i = 0; i < n;) {
      V value = {}, slope = {}, curvature = {};
      const auto add = [&](V blend, V member) ALWAYS_LAMBDA {
        const V d = member - blend, x = blend + s * d;
        const V clipped = x > one ? one : (x < -one ? -one : x);
        value += clipped * (x - half * clipped);  // x^2 / 2 within, |x| - 1/2 without
        slope += clipped * d;
        curvature += clipped == x ? d * d : V{};
      };
      const int64_t full = std::min<int64_t>(i + kRun * lanes, n / lanes * lanes);
      for (; i < full; i += lanes) add(load<V>(e + i), load<V>(m + i));
      if (n - i < lanes && i < n) {
        add(tail(e + i, n - i), tail(m + i, n - i));
        i = n;
      }
      values.add(value);
      slopes.add(slope);
      curvatures.add(curvature);
    }
    return {values.value(), slopes.value(), curvatures.value()};
  }

  // A logarithm costs more than all the rest, so only one in kRun is taken: of a product. (1e-16)^16 is still a double.
  static Curve logloss(const T* q, const T* m, int64_t n, double share, double eps) {
    typedef T Source __attribute__((vector_size(kLanes * sizeof(T))));
    const D s = D{} + share, low = D{} + eps, high = D{} + (1 - eps);
    Curve total = {};
    D slope = {}, curvature = {};
    for (int64_t i = 0; i < n;) {
      D product = D{} + 1.0;
      const auto add = [&](D blend, D member) ALWAYS_LAMBDA {
        const D d = member - blend, x = blend + s * d;
        const D clipped = x < low ? low : (x > high ? high : x);
        const D ratio = clipped == x ? d / clipped : D{};
        product *= clipped;
        slope -= ratio;
        curvature += ratio * ratio;
      };
      const int64_t full = std::min<int64_t>(i + kRun * kLanes, n / kLanes * kLanes);
      for (; i < full; i += kLanes)
        add(__builtin_convertvector(load<Source>(q + i), D), __builtin_convertvector(load<Source>(m + i), D));
      double rest = 1;
      if (n - i < kLanes && i < n) {
        for (; i < n; ++i) {
          const double d = static_cast<double>(m[i]) - q[i], x = q[i] + share * d;
          const double clipped = x < eps ? eps : (x > 1 - eps ? 1 - eps : x);
          const double ratio = clipped == x ? d / clipped : 0;
          rest *= clipped;
          total.slope -= ratio;
          total.curvature += ratio * ratio;
        }
      }
      for (int lane = 0; lane < kLanes; ++lane) total.value -= std::log(product[lane]);
      total.value -= std::log(rest);
    }
    total.slope += sum(slope);
    total.curvature += sum(curvature);
    return total;
  }

  static double mix(T* e, const T* m, int64_t n, double share) {
    const T s = static_cast<T>(share);
    const V shares = V{} + s;
    const B sign = B{} + std::numeric_limits<Bits>::min();
    Total<T> values;
    int64_t i = 0;
    while (i + lanes <= n) {
      V value = {};
      const int64_t full = std::min<int64_t>(i + kRun * lanes, n / lanes * lanes);
      for (; i < full; i += lanes) {
        const V blend = load<V>(e + i), x = blend + shares * (load<V>(m + i) - blend);
        value += (V)((B)x & ~sign);
        store(e + i, x);
      }
      values.add(value);
    }
    double total = values.value();
    for (; i < n; ++i) {
      e[i] += s * (m[i] - e[i]);
      total += std::abs(e[i]);
    }
    return total;
  }

  static double mixed(const T* const* from, const double* weights, int members, int64_t first, int64_t n) {
    constexpr int kAtOnce = 8;  // vectors of a row's block: a weight is spread once for so many products
    const B sign = B{} + std::numeric_limits<Bits>::min();
    Total<T> total;
    int64_t i = first;
    const int64_t end = first + n;
    for (; i + kAtOnce * lanes <= end; i += kAtOnce * lanes) {
      V x[kAtOnce] = {};
      for (int m = 0; m < members; ++m) {
        const V weight = V{} + static_cast<T>(weights[m]);
        const T* rows = from[m] + i;
#pragma GCC unroll 8
        for (int v = 0; v < kAtOnce; ++v) x[v] += weight * load<V>(rows + v * lanes);
      }
      V value = {};
#pragma GCC unroll 8
      for (int v = 0; v < kAtOnce; ++v) value += (V)((B)x[v] & ~sign);
      total.add(value);
    }
    double rest = 0;
    for (; i < end; ++i) {
      T x = 0;
      for (int m = 0; m < members; ++m) x += static_cast<T>(weights[m]) * from[m][i];
      rest += std::abs(x);
    }
    return total.value() + rest;
  }

  static void split(const T* const* from, const double* weights, int members, int64_t first, int64_t n, double reach,
                    T* signs, double* linear) {
    const B sign = B{} + std::numeric_limits<Bits>::min();
    const V one = V{} + T(1), reaches = V{} + static_cast<T>(reach);
    const auto part = [&](int m, int64_t i) ALWAYS_LAMBDA {
      return n - i < lanes ? tail(from[m] + first + i, n - i) : load<V>(from[m] + first + i);
    };
    for (int64_t i = 0; i < n; i += lanes) {
      V x = {}, low = part(0, i), high = low;
      for (int m = 0; m < members; ++m) {
        const V e = part(m, i);
        x += static_cast<T>(weights[m]) * e;
        low = e < low ? e : low;
        high = e > high ? e : high;
      }
      const B near = (B)((V)((B)x & ~sign) <= reaches * (high - low));
      const V signed_one = (V)(((B)one | ((B)x & sign)) & ~near);
      if (n - i < lanes)
        for (int64_t lane = 0; lane < n - i; ++lane) signs[i + lane] = signed_one[lane];
      else
        store(signs + i, signed_one);
    }
    for (int m = 0; m < members; ++m) {
      Total<T> total;
      for (int64_t i = 0; i < n;) {
        V value = {};
        const int64_t full = std::min<int64_t>(i + kRun * lanes, n / lanes * lanes);
        for (; i < full; i += lanes) value += load<V>(signs + i) * load<V>(from[m] + first + i);
        if (n - i < lanes && i < n) {
          value += tail(signs + i, n - i) * tail(from[m] + first + i, n - i);
          i = n;
        }
        total.add(value);
      }
      linear[m] += total.value();
    }
  }

  static constexpr RowKernels<T> table() {
    return {slopes<kShares>, slopes<1>, absolute, crossings, smooth_l1, logloss, mix, mixed, split};
  }
};

constexpr Kernels table(const char* name) {
  return {name, kLanes, kRows, gram, pack<float>, pack<double>, Rows<float>::table(), Rows<double>::table()};
}
