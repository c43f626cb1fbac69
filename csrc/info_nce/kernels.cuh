// The passes over a tile of products on a GPU. Logits are in base 2 here: product x logit_scale x log2(e).
#pragma once

#include "../common/simt.cuh"
#include "saved.h"

namespace ctk::info_nce {

constexpr float kLog2E = 1.4426950408889634f;
constexpr double kLn2 = 0.6931471805599453;

// What is saved of an entry (saved.h) is of base-2 logits here, and the log mass is +inf for an entry without positives,
// which gives it no share. Pull and spread are for a weight of one; the weight is one for all entries.

struct Tile {
  float* products;  // aligned to 16 bytes
  int64_t stride;
  int rows, columns;
};

// What a block knows of one row or column of its part of a tile.
struct alignas(16) Partial {
  float top;       // highest logit
  float mass;      // sum of 2^(logit - top)
  float positive;  // sum of the positives' logits
  int32_t count;   // positives
};

// The same of all tiles so far.
struct Gathered {
  double mass, positive, all;  // all: the sum of logits
  float top;
  int32_t count;
};

// -inf - -inf would be NaN: while there is nothing but -inf, the mass is 0.
CTK_DEVICE float shift_of(float top) { return top == -INFINITY ? 0.0f : top; }

constexpr int kPatch = 8;             // rows of logits that a thread holds at a time
constexpr int kGatherThreads = 128;   // 4 columns each
constexpr int kSpan = 4 * kGatherThreads;
constexpr int kBand = 128;            // at most so many rows of a tile to a block

// Each logit of a tile is read once: a block goes down a band of rows over kSpan columns. Columns are a thread's own, so
// their softmax runs on in registers; a patch's rows are reduced over each warp. of_rows[span][row] and
// of_columns[band][column] are what comes of it. Blocks: spans x bands.
template <bool kAligned, bool kSmoothing>
__global__ void __launch_bounds__(kGatherThreads)
gather(Tile tile, const int32_t* row_classes, const int32_t* column_classes, const float* logit_scale, int band,
       bool both, Partial* of_rows, Partial* of_columns, float* all_of_rows, float* all_of_columns) {
  constexpr int kWarps = kGatherThreads / kWarp;
  __shared__ Partial found[kWarps][kBand];
  __shared__ float found_all[kSmoothing ? kWarps : 1][kSmoothing ? kBand : 1];
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  const int spans = (tile.columns + kSpan - 1) / kSpan;
  const int span = blockIdx.x % spans, strip = blockIdx.x / spans;
  const int column = span * kSpan + threadIdx.x * 4;
  const int start = strip * band;
  const int height = tile.rows - start < band ? tile.rows - start : band;
  const float scale = *logit_scale * kLog2E;
  // A logit is product x factor + bias: what lies outside of the tile is read from elsewhere and becomes -inf. Classes are
  // -1 or more: -2 and -3 equal none.
  float factor[4], bias[4];
  Four<int32_t> own = load_four<kAligned>(column_classes, column, tile.columns);
#pragma unroll
  for (int c = 0; c < 4; ++c) {
    const bool inside = column + (kAligned ? 0 : c) < tile.columns;
    factor[c] = inside ? scale : 0;
    bias[c] = inside ? 0 : -INFINITY;
    own.x[c] = inside ? own.x[c] : -2;
  }

  float top[4], mass[4], positive[4], all[4];
  int count[4];
#pragma unroll
  for (int c = 0; c < 4; ++c) top[c] = -INFINITY, mass[c] = positive[c] = all[c] = 0, count[c] = 0;

  for (int first = 0; first < height; first += kPatch) {
    const float* line = tile.products + (start + first) * tile.stride;
    const int32_t* classes = row_classes + start + first;
    const int last = height - first - 1;  // of the patch's rows
    float logit[kPatch][4];
    bool some = false;
#pragma unroll
    for (int r = 0; r < kPatch; ++r) {
      const Four<float> product = load_four<kAligned>(line + (r < last ? r : last) * tile.stride, column, tile.columns);
      const int32_t same = r <= last ? classes[r] : -3;
#pragma unroll
      for (int c = 0; c < 4; ++c) {
        logit[r][c] = fmaf(product.x[c], r <= last ? factor[c] : 0, r <= last ? bias[c] : -INFINITY);
        some |= same == own.x[c];
      }
    }

#pragma unroll
    for (int c = 0; c < 4; ++c) {
      float higher = top[c];
#pragma unroll
      for (int r = 0; r < kPatch; ++r) higher = fmaxf(higher, logit[r][c]);
      const float shift = shift_of(higher);
      mass[c] *= exp2_fast(top[c] - shift);
      top[c] = higher;
#pragma unroll
      for (int r = 0; r < kPatch; ++r) mass[c] += exp2_fast(logit[r][c] - shift);
    }

    float high[kPatch], part[kPatch];
#pragma unroll
    for (int r = 0; r < kPatch; ++r)
      high[r] = fmaxf(fmaxf(logit[r][0], logit[r][1]), fmaxf(logit[r][2], logit[r][3]));
    Partial mine;
    mine.top = reduce_eight(high, lane, [](float a, float b) { return fmaxf(a, b); });
#pragma unroll
    for (int r = 0; r < kPatch; ++r) {
      const float shift = shift_of(__shfl_sync(kAllLanes, mine.top, 4 * r));
      part[r] = 0;
#pragma unroll
      for (int c = 0; c < 4; ++c) part[r] += exp2_fast(logit[r][c] - shift);
    }
    mine.mass = reduce_eight(part, lane, [](float a, float b) { return a + b; });
    mine.positive = 0;
    mine.count = 0;

    if (__any_sync(kAllLanes, some)) {  // rare, as long as most classes are
      int counts[kPatch];
#pragma unroll
      for (int r = 0; r < kPatch; ++r) {
        const int32_t same = unknown(r <= last ? classes[r] : -3);
        part[r] = 0;
        counts[r] = 0;
#pragma unroll
        for (int c = 0; c < 4; ++c)
          if (same == own.x[c]) {
            part[r] += logit[r][c];
            counts[r] += 1;
            positive[c] += logit[r][c];
            count[c] += 1;
          }
      }
      mine.positive = reduce_eight(part, lane, [](float a, float b) { return a + b; });
      mine.count = reduce_eight(counts, lane, [](int a, int b) { return a + b; });
    }

    const int place = first + lane / 4;
    if (kSmoothing) {
#pragma unroll
      for (int r = 0; r < kPatch; ++r) {
        part[r] = 0;
#pragma unroll
        for (int c = 0; c < 4; ++c)
          if (r <= last && column + c < tile.columns) {
            part[r] += logit[r][c];
            all[c] += logit[r][c];
          }
      }
      const float sum = reduce_eight(part, lane, [](float a, float b) { return a + b; });
      if (lane % 4 == 0 && place < height) found_all[warp][place] = sum;
    }
    if (lane % 4 == 0 && place < height) found[warp][place] = mine;
  }

  __syncthreads();
  for (int row = threadIdx.x; row < height; row += kGatherThreads) {
    Partial sum = found[0][row];
    for (int w = 1; w < kWarps; ++w) {
      const Partial next = found[w][row];
      const float higher = fmaxf(sum.top, next.top), shift = shift_of(higher);
      sum.mass = sum.mass * exp2_fast(sum.top - shift) + next.mass * exp2_fast(next.top - shift);
      sum.top = higher;
      sum.positive += next.positive;
      sum.count += next.count;
    }
    const int64_t place = int64_t(span) * tile.rows + start + row;
    of_rows[place] = sum;
    if (kSmoothing) {
      float total = 0;
      for (int w = 0; w < kWarps; ++w) total += found_all[w][row];
      all_of_rows[place] = total;
    }
  }
  if (!both) return;
#pragma unroll
  for (int c = 0; c < 4; ++c) {
    if (column + c >= tile.columns) break;
    const int64_t place = int64_t(strip) * tile.columns + column + c;
    of_columns[place] = {top[c], mass[c], positive[c], count[c]};
    if (kSmoothing) all_of_columns[place] = all[c];
  }
}

// One direction of a tile: `parts` partials for each of `size` entries, and where they go.
struct Direction {
  const Partial* partial;
  const float* all;  // null without label smoothing
  int64_t parts, size;
  Gathered* gathered;  // of the tile's first entry
  float* saved;        // kTop of the tile's first entry
  int64_t saved_size;
  int64_t others;      // entries of the other direction
  bool first, last;    // tile of this direction's entries
};

struct Directions {
  Direction of[2];  // rows, columns
};

constexpr int kMergeThreads = 128;

// Folds a tile's partials into what is known of its rows and columns, a thread an entry. With the last tile an entry is
// finished: what the backward op needs is saved, and Gathered::mass becomes its loss.
__global__ void __launch_bounds__(kMergeThreads) merge(Directions directions, double smoothing) {
  int64_t place = int64_t(blockIdx.x) * kMergeThreads + threadIdx.x;
  const bool of_column = place >= directions.of[0].size;
  if (of_column) place -= directions.of[0].size;
  const Direction& of = directions.of[of_column];
  if (place >= of.size) return;

  Gathered so_far = {0, 0, 0, -INFINITY, 0};
  if (!of.first) so_far = of.gathered[place];
  constexpr int kAtOnce = 8;  // independent loads
  for (int64_t part = 0; part < of.parts; part += kAtOnce) {
    Partial next[kAtOnce];
    float top = so_far.top;
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      next[i] = part + i < of.parts ? of.partial[(part + i) * of.size + place] : Partial{-INFINITY, 0, 0, 0};
      top = fmaxf(top, next[i].top);
    }
    const float shift = shift_of(top);
    so_far.mass *= exp2_fast(so_far.top - shift);
    so_far.top = top;
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      so_far.mass += double(next[i].mass) * exp2_fast(next[i].top - shift);
      so_far.positive += next[i].positive;
      so_far.count += next[i].count;
      if (of.all && part + i < of.parts) so_far.all += of.all[(part + i) * of.size + place];
    }
  }
  if (of.last) {
    const bool counts = so_far.count > 0;
    const double log_mass = log2(so_far.mass), pull = (1 - smoothing) / so_far.count, spread = smoothing / of.others;
    of.saved[kTop * of.saved_size + place] = so_far.top;
    of.saved[kLogMass * of.saved_size + place] = counts ? float(log_mass) : INFINITY;
    of.saved[kPull * of.saved_size + place] = counts ? pull : 0;
    of.saved[kSpread * of.saved_size + place] = counts ? spread : 0;
    // NaN in an entry that does not count is NaN all the same: its gradients are.
    so_far.mass =
        counts ? kLn2 * (so_far.top + log_mass - pull * so_far.positive - spread * so_far.all) : 0 * log_mass;
  }
  of.gathered[place] = so_far;
}

// Means of both directions, by one block: their sum, each times its part, is the loss, and the weights are saved.
constexpr int kFinishThreads = 1024;

__global__ void __launch_bounds__(kFinishThreads)
finish(const Gathered* rows, int64_t row_count, float* row_saved, const Gathered* columns, int64_t column_count,
       float* column_saved, bool both, float* loss) {
  __shared__ double shared[kFinishThreads / kWarp];
  __shared__ float weight;
  double result = 0;
  for (int side = 0; side < (both ? 2 : 1); ++side) {
    const Gathered* of = side ? columns : rows;
    const int64_t size = side ? column_count : row_count;
    float* saved = side ? column_saved : row_saved;
    const double part = both ? 0.5 : 1;
    double total = 0, counted = 0;
    for (int64_t i = threadIdx.x; i < size; i += kFinishThreads) {
      total += of[i].mass;
      counted += of[i].count > 0;
    }
    total = block_sum<kFinishThreads>(total, shared);
    counted = block_sum<kFinishThreads>(counted, shared);
    if (threadIdx.x == 0) weight = counted > 0 ? part / counted : 0;
    __syncthreads();
    for (int64_t i = threadIdx.x; i < size; i += kFinishThreads) saved[kWeight * size + i] = weight;
    result += part * (total / counted);
    __syncthreads();
  }
  if (threadIdx.x == 0) *loss = result;
}

// One direction's saved tensor, from the tile's first entry, and its weight.
struct Slope {
  const int32_t* classes;
  const float* saved;
  int64_t size;  // of the whole direction
  const float* weight;
};

constexpr int kSlopeThreads = 256;
constexpr int kReach = 4 * kSlopeThreads;

// float16 slopes of one in a hundred thousand would vanish: the largest weight becomes 2^14 of float16's 65504, and the
// products of slopes and vectors are multiplied by what is written to `undo` ({undo, 1, 0}). No slope is more than twice
// its weight. Other types have float32's range: undo is 1.
template <class Narrow>
struct Unit {
  float value, undo;
};

template <class Narrow>
CTK_DEVICE Unit<Narrow> unit_of(float outer, float row_weight, float column_weight) {
  if (sizeof(Narrow) == 2 && !std::is_same_v<Narrow, Bfloat16>) {
    const float weight = fmaxf(row_weight, column_weight);
    if (weight > 0) return {16384 / weight, outer * weight / 16384};
  }
  return {outer, 1};
}

// Eight rows to a block, from left to right: writes d loss / d product to `out`, in units of Unit::value, and adds up
// slope x product to of_scale[block], this part's gradient of logit_scale. `out` may be the tile itself, with narrower
// entries, its rows starting where the tile's do: an entry is read before anything is written to its place.
template <class Narrow, bool kAligned, bool kBoth>
__global__ void __launch_bounds__(kSlopeThreads)
differentiate(Tile tile, Slope rows, Slope columns, const float* gradient, const float* logit_scale,
              Narrow* out, int64_t out_stride, float* undo, double* of_scale, bool first) {
  __shared__ Four<float> of_row[kPatch];  // top, log mass, pull, spread; the last two with the weight
  __shared__ int32_t classes[kPatch];
  __shared__ double shared[kSlopeThreads / kWarp];
  const int start = blockIdx.x * kPatch;
  const int height = tile.rows - start < kPatch ? tile.rows - start : kPatch;
  const float scale = *logit_scale * kLog2E;
  const float row_weight = *rows.weight, column_weight = kBoth ? *columns.weight : 0;
  const Unit<Narrow> unit = unit_of<Narrow>(*gradient * *logit_scale, row_weight, column_weight);
  if (threadIdx.x < kPatch) {
    const int r = threadIdx.x;
    if (r < height) {
      const float* saved = rows.saved + start + r;
      of_row[r] = {{saved[kTop * rows.size], saved[kLogMass * rows.size], saved[kPull * rows.size] * row_weight,
                    saved[kSpread * rows.size] * row_weight}};
    }
    classes[r] = r < height ? rows.classes[start + r] : -3;
    if (blockIdx.x == 0 && r == 0) undo[0] = unit.undo, undo[1] = 1, undo[2] = 0;
  }
  __syncthreads();

  const float* line = tile.products + start * tile.stride;
  Narrow* to = out + start * out_stride;
  float sum = 0;
  for (int reach = 0; reach < tile.columns; reach += kReach) {
    const int column = reach + threadIdx.x * 4;
    Four<float> product[kPatch];
#pragma unroll
    for (int r = 0; r < kPatch; ++r)
      product[r] = load_four<kAligned>(line + (r < height ? r : 0) * tile.stride, column, tile.columns);
    const Four<int32_t> own = load_four<kAligned>(columns.classes, column, tile.columns);
    Four<float> top = {}, log_mass = {}, pull = {}, spread = {};
    if (kBoth) {
      top = load_four<kAligned>(columns.saved + kTop * columns.size, column, tile.columns);
      log_mass = load_four<kAligned>(columns.saved + kLogMass * columns.size, column, tile.columns);
      pull = load_four<kAligned>(columns.saved + kPull * columns.size, column, tile.columns);
      spread = load_four<kAligned>(columns.saved + kSpread * columns.size, column, tile.columns);
#pragma unroll
      for (int c = 0; c < 4; ++c) pull.x[c] *= column_weight, spread.x[c] *= column_weight;
    }
    __syncthreads();  // before writing where other threads read
    if (column >= tile.columns) continue;  // no barrier that others would wait at: this is the last round
#pragma unroll
    for (int r = 0; r < kPatch; ++r) {
      if (r >= height) break;
      const Four<float> row = of_row[r];
      const int32_t same = classes[r];
      Four<Narrow> slopes;
#pragma unroll
      for (int c = 0; c < 4; ++c) {
        const float logit = product[r].x[c] * scale;
        float slope = exp2_fast(logit - row.x[0] - row.x[1]) * row_weight - row.x[3];
        if (kBoth) slope += exp2_fast(logit - top.x[c] - log_mass.x[c]) * column_weight - spread.x[c];
        if (same == own.x[c]) slope -= row.x[2] + pull.x[c];
        if (kAligned || column + c < tile.columns) sum += slope * product[r].x[c];
        slopes.x[c] = narrow<Narrow>(slope * unit.value);
      }
      store_four<kAligned>(to + r * out_stride, column, tile.columns, slopes);
    }
  }
  const double total = block_sum<kSlopeThreads>(sum, shared);
  if (threadIdx.x == 0) of_scale[blockIdx.x] = (first ? 0 : of_scale[blockIdx.x]) + total;
}

__global__ void __launch_bounds__(kFinishThreads)
sum_of_scale(const double* parts, int64_t count, const float* gradient, float* of_scale) {
  __shared__ double shared[kFinishThreads / kWarp];
  double total = 0;
  for (int64_t i = threadIdx.x; i < count; i += kFinishThreads) total += parts[i];
  total = block_sum<kFinishThreads>(total, shared);
  if (threadIdx.x == 0) *of_scale = total * *gradient;
}

}  // namespace ctk::info_nce
