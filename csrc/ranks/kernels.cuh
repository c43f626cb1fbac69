// Counting and choosing on a GPU by screened scores. A score is the product of two vectors, summed in float64 and rounded
// to float32.
#pragma once

#include "../common/simt.cuh"

namespace ctk::ranks {

// Rows of float32, bfloat16 or float16, `stride` entries apart. Aligned: four entries can be read at once.
template <class T>
struct Lines {
  const T* data;
  int64_t stride, count, length;
  bool aligned;

  CTK_DEVICE const T* row(int64_t number) const { return data + number * stride; }
};

CTK_DEVICE bool is_finite(float value) { return fabsf(value) < INFINITY; }

// The score of two rows by a whole warp; all lanes get it. The order of the sum depends on the length alone, so equal
// vectors have equal scores.
template <class T>
CTK_DEVICE float score(const Lines<T>& a, int64_t i, const Lines<T>& b, int64_t j, int lane) {
  const T *left = a.row(i), *right = b.row(j);
  double sum = 0;
  int64_t k = lane * 4;
  if (a.aligned && b.aligned) {
    constexpr int kAtOnce = 4;  // independent loads of either row
    for (; k + 4 * kWarp * (kAtOnce - 1) + 4 <= a.length; k += 4 * kWarp * kAtOnce) {
      Four<T> x[kAtOnce], y[kAtOnce];
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) {
        x[i] = *reinterpret_cast<const Four<T>*>(left + k + 4 * kWarp * i);
        y[i] = *reinterpret_cast<const Four<T>*>(right + k + 4 * kWarp * i);
      }
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i)
#pragma unroll
        for (int each = 0; each < 4; ++each) sum += double(widen(x[i].x[each])) * double(widen(y[i].x[each]));
    }
    for (; k + 4 <= a.length; k += 4 * kWarp) {
      const Four<T> x = *reinterpret_cast<const Four<T>*>(left + k), y = *reinterpret_cast<const Four<T>*>(right + k);
#pragma unroll
      for (int each = 0; each < 4; ++each) sum += double(widen(x.x[each])) * double(widen(y.x[each]));
    }
  }
  for (; k < a.length; k += 4 * kWarp)
    for (int64_t each = k; each < k + 4 && each < a.length; ++each)
      sum += double(widen(left[each])) * double(widen(right[each]));
  return static_cast<float>(warp_sum(sum));
}

// What screening knows of a row x whose screened copy x^ is in units of `scale`: the norm |x|, rounded up, and a second
// length. For a query that is |x - x^|; for a gallery row it holds the sum's error too (see measure). Both are inf for
// rows so long or so short that products could leave float32's normal range, of which nothing is said.
struct alignas(16) Measured {
  float norm, error, scale;
  int32_t name;  // a gallery row's class
};

constexpr int kMeasureThreads = 256;
constexpr int kMeasureWarps = kMeasureThreads / kWarp;
constexpr float kShortest = 0x1p-40f, kLongest = 0x1p60f;

// Screened copies of rows, `width` entries each (zeros after the row's own), and what is known of them. A warp a row. A
// float16 copy is scaled by a power of two to have its largest entry in [2^11, 2^12). A row that is not finite is
// screened as zeros and reported: to bad[row], or for the gallery, with `classes`, to bad[0].
template <class T, class Screen>
__global__ void __launch_bounds__(kMeasureThreads)
measure(Lines<T> from, const int64_t* classes, float sum_error, Screen* screened, int64_t width, Measured* measured,
        unsigned* bad) {
  constexpr bool kScaled = std::is_same_v<Screen, Float16>;
  const int lane = threadIdx.x % kWarp;
  const int64_t row = int64_t(blockIdx.x) * kMeasureWarps + threadIdx.x / kWarp;
  if (row >= from.count) return;  // the whole warp
  const T* line = from.row(row);
  float largest = 0;
  bool finite = true;
  for (int64_t k = lane; k < from.length; k += kWarp) {
    const float value = widen(line[k]);
    finite &= is_finite(value);
    largest = fmaxf(largest, fabsf(value));
  }
  finite = !__any_sync(kAllLanes, !finite);
#pragma unroll
  for (int distance = kWarp / 2; distance >= 1; distance /= 2)
    largest = fmaxf(largest, __shfl_xor_sync(kAllLanes, largest, distance));
  int power = 0;
  if (kScaled && finite && largest > 0) {
    frexpf(largest, &power);
    power -= 12;
  }
  // A denormal row's scale would itself be denormal; such rows are said nothing of anyway.
  power = power < -120 ? -120 : power;
  const float scale = ldexpf(1.0f, power), back = ldexpf(1.0f, -power);
  double squares = 0, losses = 0;
  for (int64_t k = lane; k < width; k += kWarp) {
    const float value = finite && k < from.length ? widen(line[k]) : 0;
    const Screen near = narrow<Screen>(value * back);
    screened[row * width + k] = near;
    const double lost = double(value) - double(widen(near)) * scale;
    squares += double(value) * value;
    losses += lost * lost;
  }
  squares = warp_sum(squares);
  losses = warp_sum(losses);
  if (lane != 0) return;
  Measured of;
  of.norm = static_cast<float>(sqrt(squares) * 1.0001);
  of.error = static_cast<float>(sqrt(losses) * 1.0001);
  of.scale = scale;
  of.name = classes ? static_cast<int32_t>(classes[row]) : 0;
  // Whether or not the tensor cores take entries below float16's normal range, 2^-14, for zeros.
  if (kScaled) of.error += sqrtf(static_cast<float>(from.length)) * scale * 0x1p-14f;
  if (classes) of.error += sum_error * (of.norm + of.error);
  if (!(of.norm == 0 || (of.norm > kShortest && of.norm < kLongest))) of.norm = of.error = INFINITY;
  measured[row] = of;
  if (!finite) bad[classes ? 0 : row] = 1;
}

enum State : int32_t { kCounts = 0, kNotFinite = -1, kNoPositive = -2 };

// A query while its gallery comes in.
struct alignas(16) Query {
  float best;  // score of the best positive
  int32_t name, greater, equal;
};

constexpr int kBestThreads = 256;
constexpr int kBestWarps = kBestThreads / kWarp;

// The best positive of each query, a warp a query.
template <class T>
__global__ void __launch_bounds__(kBestThreads)
best_positive(Lines<T> queries, Lines<T> gallery, const int64_t* order, const int64_t* starts, const int64_t* ends,
              Query* found, int32_t* states) {
  const int lane = threadIdx.x % kWarp;
  const int64_t i = int64_t(blockIdx.x) * kBestWarps + threadIdx.x / kWarp;
  if (i >= queries.count) return;  // the whole warp
  const int64_t first = starts[i], last = ends[i];
  const bool some = 0 <= first && first < last && last <= gallery.count;
  float best = -INFINITY;
  bool finite = true;
  for (int64_t each = first; some && each < last; ++each) {
    const float next = score(queries, i, gallery, order[each], lane);
    finite &= is_finite(next);
    best = fmaxf(best, next);
  }
  if (lane != 0) return;
  found[i] = {best, static_cast<int32_t>(starts[i]), 0, 0};
  states[i] = !some ? kNoPositive : finite ? kCounts : kNotFinite;
}

constexpr int kPatch = 8;
constexpr int kCountThreads = 256;
constexpr int kReach = 4 * kCountThreads;
constexpr int kSpan = 4 * kReach;  // columns to a block

// Counts a tile of screened products against each query's best positive. With x = x^ + e and y = y^ + f the screened
// score is off by at most |e| |y| + |x^| (|f| + (error of the sum) |y^|) (Cauchy and Schwarz); where that leaves open on
// which side of the best positive an entry lies, its warp computes the score itself. `stride` is a
// multiple of four. Blocks: spans x eights of queries.
template <class T>
__global__ void __launch_bounds__(kCountThreads)
count(const float* products, int64_t stride, Lines<T> queries, Lines<T> gallery, const Measured* of_queries,
      const Measured* of_gallery, const unsigned* bad, Query* found, int32_t* states) {
  struct Row {
    float best, norm, error, scale, rounding;
    int32_t name;
    bool counts;
  };
  __shared__ Row rows[kPatch];
  const int lane = threadIdx.x % kWarp;
  const int columns = gallery.count, spans = (columns + kSpan - 1) / kSpan;
  const int first = blockIdx.x / spans * kPatch, start = blockIdx.x % spans * kSpan;
  const int stop = columns < start + kSpan ? columns : start + kSpan;
  const int height = queries.count - first < kPatch ? queries.count - first : kPatch;
  if (threadIdx.x < kPatch) {
    const int i = first + threadIdx.x;
    Row row = {};
    if (int(threadIdx.x) < height && states[i] == kCounts && !bad[i]) {
      const Query query = found[i];
      const Measured of = of_queries[i];
      // A thousandth more for the arithmetic of the bound itself; 2^-21 for the rounding of scores, of their difference
      // and of the best one.
      row = {query.best, 1.001f * (of.norm + of.error), 1.001f * of.error, of.scale, 0x1p-21f * fabsf(query.best),
             query.name, true};
    }
    rows[threadIdx.x] = row;
  }
  __syncthreads();

  // Bit 4 r + c stands for row r and the thread's column c.
  unsigned all_rows = 0;
  for (int r = 0; r < kPatch; ++r)
    if (rows[r].counts) all_rows |= 15u << 4 * r;
  if (all_rows == 0) return;
  int greater[kPatch] = {};
  for (int reach = start; reach < stop; reach += kReach) {
    const int column = reach + threadIdx.x * 4;
    unsigned valid = all_rows;
    Measured entry[4];
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      entry[c] = of_gallery[column + c < stop ? column + c : start];
      if (column + c >= stop) valid &= ~(0x11111111u << c);
    }
    Four<float> product[kPatch];
#pragma unroll
    for (int r = 0; r < kPatch; ++r)
      product[r] = load_four<true>(products + (first + (r < height ? r : 0)) * stride, column, int(stride));
    unsigned above = 0, undecided = 0;
#pragma unroll
    for (int r = 0; r < kPatch; ++r) {
      const Row row = rows[r];
#pragma unroll
      for (int c = 0; c < 4; ++c) {
        const float lead = fmaf(product[r].x[c] * entry[c].scale, row.scale, -row.best);
        const float margin = fmaf(row.error, entry[c].norm, fmaf(row.norm, entry[c].error, row.rounding));
        const bool other = entry[c].name != row.name;
        if (other && lead > margin) above |= 1u << (4 * r + c);
        // Not "<=": a margin of NaN, from an infinite one, decides nothing.
        if (other && !(fabsf(lead) > margin)) undecided |= 1u << (4 * r + c);
      }
    }
    above &= valid;
    undecided &= valid;
#pragma unroll
    for (int r = 0; r < kPatch; ++r) greater[r] += __popc(above & 15u << 4 * r);
    for (unsigned lanes = __ballot_sync(kAllLanes, undecided != 0); lanes; lanes &= lanes - 1) {
      const int whose = __ffs(lanes) - 1;
      for (unsigned left = __shfl_sync(kAllLanes, undecided, whose); left; left &= left - 1) {
        const int bit = __ffs(left) - 1, r = bit / 4;
        const int64_t i = first + r, j = column + (whose - lane) * 4 + bit % 4;
        const float exact = score(queries, i, gallery, j, lane);
        if (lane != 0) continue;
        if (exact > rows[r].best) atomicAdd(&found[i].greater, 1);
        if (exact == rows[r].best) atomicAdd(&found[i].equal, 1);
        if (!is_finite(exact)) states[i] = kNotFinite;
      }
    }
  }
  const int total = reduce_eight(greater, lane, [](int a, int b) { return a + b; });
  if (lane % 4 == 0 && total > 0) atomicAdd(&found[first + lane / 4].greater, total);
}

constexpr int kFinishThreads = 256;

__global__ void __launch_bounds__(kFinishThreads)
finish_counts(const Query* found, const int32_t* states, const unsigned* bad, const unsigned* bad_gallery,
              int64_t size, int64_t* greater, int64_t* equal) {
  const int64_t i = int64_t(blockIdx.x) * kFinishThreads + threadIdx.x;
  if (i >= size) return;
  int state = states[i];
  if (state == kCounts && (bad[i] || *bad_gallery)) state = kNotFinite;
  greater[i] = state == kCounts ? found[i].greater : state;
  equal[i] = state == kCounts ? found[i].equal : 0;
}

// Rows as float64, one after another.
template <class T>
__global__ void __launch_bounds__(kFinishThreads) to_double(Lines<T> from, double* to) {
  const int64_t at = int64_t(blockIdx.x) * kFinishThreads + threadIdx.x;
  if (at < from.count * from.length) to[at] = widen(from.row(at / from.length)[at % from.length]);
}

// Keys are ordered as what they stand for: the higher score first, of equal scores the lower row.
CTK_DEVICE int64_t key_of(float score, int64_t row) {
  score += 0.0f;  // -0 ties with 0
  int32_t bits;
  memcpy(&bits, &score, 4);
  const int32_t ordered = bits >= 0 ? bits : bits ^ 0x7fffffff;
  return static_cast<int64_t>(static_cast<uint64_t>(static_cast<uint32_t>(ordered)) << 32 |
                              static_cast<uint32_t>(0xffffffffu - row));
}

CTK_DEVICE float score_of(int64_t key) {
  const int32_t ordered = static_cast<int32_t>(key >> 32);
  const int32_t bits = ordered >= 0 ? ordered : ordered ^ 0x7fffffff;
  float score;
  memcpy(&score, &bits, 4);
  return score;
}

CTK_DEVICE int64_t row_of(int64_t key) { return 0xffffffffu - static_cast<uint32_t>(key); }

constexpr int64_t kNoKey = INT64_MIN;  // below every key

// A row of `keys`, `stride` of them: the k best so far, then `width` float64 scores of gallery rows [start, start +
// columns), which become keys where they lie. Without any best so far those are kNoKey, as are the keys past the last
// column.
__global__ void __launch_bounds__(kFinishThreads)
to_keys(int64_t* keys, int64_t stride, int64_t rows, int64_t k, int64_t columns, int64_t start, const int64_t* best,
        unsigned* bad) {
  const int64_t at = int64_t(blockIdx.x) * kFinishThreads + threadIdx.x;
  if (at >= rows * stride) return;
  const int64_t row = at / stride, place = at % stride;
  if (place < k) {
    keys[at] = best ? best[row * k + place] : kNoKey;
  } else if (place - k < columns) {
    double score;
    memcpy(&score, keys + at, 8);
    const float rounded = static_cast<float>(score);
    if (!is_finite(rounded)) bad[row] = 1;
    keys[at] = key_of(rounded, start + place - k);
  } else {
    keys[at] = kNoKey;
  }
}

__global__ void __launch_bounds__(kFinishThreads)
from_keys(const int64_t* best, int64_t rows, int64_t k, const unsigned* bad, float* values, int64_t* places) {
  const int64_t at = int64_t(blockIdx.x) * kFinishThreads + threadIdx.x;
  if (at >= rows * k) return;
  values[at] = bad[at / k] ? NAN : score_of(best[at]);
  places[at] = bad[at / k] ? 0 : row_of(best[at]);
}

}  // namespace ctk::ranks
