// One query's counts, over every member and share. Included once for every instruction set.

namespace ctk::CTK_NAMESPACE {

// climb::rounded for a vector.
CTK_INLINE Floats rounded(Floats product) {
#if defined(__AVX512F__)
  asm("" : "+v"(product));
#elif defined(__x86_64__)
  asm("" : "+x"(product));
#elif defined(__aarch64__)
  asm("" : "+w"(product));
#else
  for (int lane = 0; lane < kLanes; ++lane) product[lane] = climb::rounded(product[lane]);
#endif
  return product;
}

// to[i] = sum of weights[m] * from[m * stride + i], one rounding a product and one a sum, in the order of the members.
static void blend_line(const float* from, int64_t stride, const float* weights, int64_t members, int64_t size,
                       float* to) {
  int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    Floats total = rounded(load(from + i) * weights[0]);
    for (int64_t m = 1; m < members; ++m) total += rounded(load(from + m * stride + i) * weights[m]);
    store(to + i, total);
  }
  for (; i < size; ++i) {
    float total = climb::product(from[i], weights[0]);
    for (int64_t m = 1; m < members; ++m) total += climb::product(from[m * stride + i], weights[m]);
    to[i] = total;
  }
}

// Entries that cross are set aside and placed together: the divisions in vectors, and few mispredicted branches.
constexpr int kCrossings = 256;

struct Crossings {
  float margin[kCrossings + kLanes], slope[kCrossings + kLanes];
  int count = 0;
};

CTK_INLINE void append(Crossings& crossings, Floats margin, Floats slope, uint32_t which) {
  float* margins = crossings.margin + crossings.count;
  float* slopes = crossings.slope + crossings.count;
#if CTK_BYTES == 64
  // Compressed in a register: compressing into memory is microcode on some processors.
  store(margins, __builtin_ia32_compresssf512_mask(margin, Floats{}, which));
  store(slopes, __builtin_ia32_compresssf512_mask(slope, Floats{}, which));
  crossings.count += __builtin_popcount(which);
#else
  float all_margins[kLanes], all_slopes[kLanes];
  store(all_margins, margin);
  store(all_slopes, slope);
  for (; which; which &= which - 1, ++crossings.count) {
    const int lane = __builtin_ctz(which);
    *margins++ = all_margins[lane];
    *slopes++ = all_slopes[lane];
  }
#endif
}

static void place(const climb::Grid& grid, const climb::Segment& segment, Crossings& crossings, int32_t* changes) {
  const auto add = [changes](int32_t k, int32_t change) { changes[k] += change; };
  const float low = segment.begin, high = segment.end - 2;
  int32_t places[kCrossings + kLanes];
  // A segment of one share has only ties.
  for (int i = 0; i < crossings.count && segment.end - segment.begin > 1; i += kLanes) {
    Floats x = (-load(crossings.margin + i) / load(crossings.slope + i) - grid.first) * grid.per_share;
    x = x < high ? x : splat(high);
    x = x > low ? x : splat(low);
    store(places + i, __builtin_convertvector(x, Ints) + 1);
  }
  for (int i = 0; i < crossings.count; ++i) {
    const float margin = crossings.margin[i], slope = crossings.slope[i];
    if (segment.end - segment.begin > 1) {
      const int32_t k = places[i];
      const float before = climb::lead(margin, slope, grid.shares[k - 1]);
      const float after = climb::lead(margin, slope, grid.shares[k]);
      if (before * after < 0) {
        changes[k] += after > 0 ? 2 : -2;
        continue;
      }
    }
    climb::add_crossing(grid, segment, margin, slope, climb::guess(grid, margin, slope), add);
  }
  crossings.count = 0;
}

// Adds one member's entries to the changes (grid.size) of the counts within one segment of the grid.
static void count_segment(const climb::Grid& grid, const climb::Segment& segment, const float* blend,
                          const float* member, int64_t columns, int32_t* changes) {
  const float low = grid.shares[segment.begin], high = grid.shares[segment.end - 1];
  Crossings crossings;
  Ints above = {};
  int64_t column = 0;
  for (; column + kLanes <= columns; column += kLanes) {
    const Floats margin = load(blend + column) - segment.blend;
    const Floats slope = (load(member + column) - segment.member) - margin;
    const Floats at_low = margin + rounded(slope * low);
    const Floats at_high = margin + rounded(slope * high);
    above -= at_low > 0.0f;
    // False for NaN. A product of small leads that underflows only sends an entry the long way.
    append(crossings, margin, slope, bits(at_low * at_high <= 0.0f));
    if (crossings.count > kCrossings - kLanes) place(grid, segment, crossings, changes);
  }
  int32_t total = sum(above);
  for (; column < columns; ++column) {
    const float margin = blend[column] - segment.blend;
    const float slope = (member[column] - segment.member) - margin;
    const float at_low = climb::lead(margin, slope, low), at_high = climb::lead(margin, slope, high);
    total += at_low > 0;
    if (!(at_low * at_high <= 0)) continue;
    crossings.margin[crossings.count] = margin;
    crossings.slope[crossings.count++] = slope;
  }
  place(grid, segment, crossings, changes);
  changes[segment.begin] += 2 * total;
}

// counts[m * count_stride + k] of one query. blend: room for tile.columns + tile.positives; segments: for grid.size.
void count_row(const climb::Tile& tile, int64_t row, const climb::Grid& grid, float* blend, climb::Segment* segments,
               int32_t* counts, int64_t count_stride) {
  float* targets = blend + tile.columns;
  blend_line(tile.row(0, row), tile.member_stride, tile.weights, tile.members, tile.columns, blend);
  blend_line(tile.target(0, row), tile.rows * tile.positives, tile.weights, tile.members, tile.positives, targets);
  for (int64_t m = 0; m < tile.members; ++m) {
    int32_t* line = counts + m * count_stride;
    for (int32_t k = 0; k < grid.size; ++k) line[k] = 0;
    const float* of_member = tile.target(m, row);
    const auto best = [&](int32_t k) {
      return climb::best_positive(grid.shares[k], targets, of_member, static_cast<int32_t>(tile.positives));
    };
    const int32_t parts = climb::cut(grid, targets, of_member, best, segments);
    for (int32_t part = 0; part < parts; ++part) {
      const climb::Segment& segment = segments[part];
      count_segment(grid, segment, blend, tile.row(m, row), tile.columns, line);
      for (int32_t k = segment.begin + 1; k < segment.end; ++k) line[k] += line[k - 1];
    }
  }
}

}  // namespace ctk::CTK_NAMESPACE
