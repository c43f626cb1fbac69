// Counting and choosing by screened scores; included once for every instruction set.

#include "../common/elements.inl"

namespace ctk::CTK_NAMESPACE {

// The products of two rows summed in float64: exact products of float32, so only the sum rounds.
CTK_INLINE double dot_double(const float* a, const float* b, int64_t length) {
  constexpr int half = kLanes / 2;
  Doubles sums[4] = {};
  int64_t k = 0;
  for (; k + 4 * half <= length; k += 4 * half)
    for (int part = 0; part < 4; ++part) {
      HalfFloats x, y;
      __builtin_memcpy(&x, a + k + part * half, sizeof x);
      __builtin_memcpy(&y, b + k + part * half, sizeof y);
      sums[part] += __builtin_convertvector(x, Doubles) * __builtin_convertvector(y, Doubles);
    }
  double total = sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
  for (; k < length; ++k) total += static_cast<double>(a[k]) * b[k];
  return total;
}

CTK_INLINE float dot_float(const float* a, const float* b, int64_t length) {
  Floats sums[4] = {};
  int64_t k = 0;
  for (; k + 4 * kLanes <= length; k += 4 * kLanes)
    for (int part = 0; part < 4; ++part) sums[part] += load(a + k + part * kLanes) * load(b + k + part * kLanes);
  for (; k < length; k += kLanes) sums[0] += load_some(a + k, length - k) * load_some(b + k, length - k);
  return sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

// The definition of a score: products summed in float64, rounded to float32.
CTK_INLINE float exact_score(const float* query, const float* entry, int64_t length) {
  return static_cast<float>(dot_double(query, entry, length));
}

static float score(const float* query, const float* entry, int64_t length) {
  return exact_score(query, entry, length);
}

// A row as float32, its norm rounded up, and the norm of what rounding to bfloat16 loses of it, likewise.
static void measure(const float* row, int64_t length, float* norm, float* error) {
  Floats squares = {}, losses = {}, highest_seen = {};
  for (int64_t k = 0; k < length; k += kLanes) highest_seen = max(highest_seen, magnitude(load_some(row + k, length - k)));
  const float largest = highest(highest_seen);
  *norm = *error = largest;
  if (!(largest > 0 && largest < INFINITY)) return;
  // Scaled by a power of two near the largest, so that squares neither overflow nor vanish.
  int power;
  std::frexp(largest, &power);
  const double back = std::ldexp(1.0, power);
  const float scale_low = std::ldexp(1.0f, -power / 2), scale_high = std::ldexp(1.0f, -power + power / 2);
  double norm_squared = 0, error_squared = 0;
  constexpr int64_t block = 1024;  // float32 sums no longer than 64 of a lane
  for (int64_t start = 0; start < length; start += block) {
    const int64_t stop = start + block < length ? start + block : length;
    squares = losses = Floats{};
    for (int64_t k = start; k < stop; k += kLanes) {
      const Floats x = load_some(row + k, stop - k);
      const Ints bits_of = (Ints)x;
      const Floats near = (Floats)((bits_of + 0x7fff + ((bits_of >> 16) & 1)) & splat(static_cast<int32_t>(0xffff0000)));
      const Floats scaled = x * scale_low * scale_high, lost = (x - near) * scale_low * scale_high;
      squares += scaled * scaled;
      losses += lost * lost;
    }
    norm_squared += sum(squares);
    error_squared += sum(losses);
  }
  // A norm beyond float32 is no error: it only makes the margin infinite, so that every score is an exact one.
  *norm = static_cast<float>(std::min(std::sqrt(norm_squared) * back * 1.0001, double(FLT_MAX)));
  *error = static_cast<float>(std::sqrt(error_squared) * back * 1.0001);
}

// Counts gallery rows [first, first + screened columns) against query i's best positive, whose exact score is `best`.
// `screened` holds their screened scores, `gallery` their vectors. False if a score is not finite.
static bool count_row(const float* screened, const float* query, int64_t i, float best, const Lines& gallery,
                      int64_t first, const Margins& margins, const Positives& positives, const Counts& counts) {
  const float margin = margins.margin[i], margin_float = margins.margin_float[i];
  int64_t greater = 0, equal = 0;
  Ints above = {};
  for (int64_t j = 0; j < gallery.count; j += kLanes) {
    const int64_t rest = gallery.count - j;
    const Floats lead = load_some(screened + j, rest) - best;
    const Floats reach = load_some(gallery.norm + j, rest) * margin + margins.least;
    const Ints valid = first_lanes(rest);
    above -= (lead > reach) & valid;
    uint32_t undecided = bits(~(magnitude(lead) > reach) & valid);
    while (undecided) {
      const int64_t entry = j + __builtin_ctz(undecided);
      undecided &= undecided - 1;
      if (positives.classes[first + entry] == positives.starts[i]) continue;
      const float near = dot_float(query, gallery.row(entry), gallery.length) - best;
      if (std::fabs(near) > gallery.norm[entry] * margin_float + margins.least) {
        greater += near > 0;
        continue;
      }
      const float exact = exact_score(query, gallery.row(entry), gallery.length);
      if (!std::isfinite(exact)) return false;
      greater += exact > best;
      equal += exact == best;
    }
  }
  counts.greater[i] += greater + sum(above);
  counts.equal[i] += equal;
  return true;
}

// Better first: the higher score, of equal scores the lower row.
struct Candidate {
  float score;
  int64_t row;
  bool operator<(const Candidate& other) const {
    return score > other.score || (score == other.score && row < other.row);
  }
};

// The k best of query i among those found before (`values` and `rows`, `found` of them, in order) and the gallery rows
// [first, first + screened columns). False if a score is not finite.
static bool choose_row(const float* screened, const float* query, int64_t i, const Lines& gallery, int64_t first,
                       const Margins& margins, int64_t k, float* values, int64_t* rows, int64_t found,
                       std::vector<float>& floor, std::vector<Candidate>& best) {
  const float margin = margins.margin[i];
  best.clear();
  for (int64_t each = 0; each < found; ++each) best.push_back({values[each], rows[each]});
  // k rows have at least this score, so one that cannot reach it is not among the best.
  float bar = found == k ? values[k - 1] : -INFINITY;
  if (found < k && gallery.count > k && margin < INFINITY) {
    floor.resize(gallery.count);
    for (int64_t j = 0; j < gallery.count; ++j)
      floor[j] = screened[j] - (gallery.norm[j] * margin + margins.least);
    std::nth_element(floor.begin(), floor.begin() + (k - 1), floor.end(), std::greater<float>());
    bar = floor[k - 1];
  }
  for (int64_t j = 0; j < gallery.count; j += kLanes) {
    const int64_t rest = gallery.count - j;
    const Floats ceiling =
        load_some(screened + j, rest) + (load_some(gallery.norm + j, rest) * margin + margins.least);
    uint32_t possible = bits(~(ceiling < bar) & first_lanes(rest));
    while (possible) {
      const int64_t entry = j + __builtin_ctz(possible);
      possible &= possible - 1;
      const float exact = exact_score(query, gallery.row(entry), gallery.length);
      if (!std::isfinite(exact)) return false;
      best.push_back({exact, first + entry});
    }
  }
  const int64_t kept = std::min<int64_t>(k, best.size());
  std::partial_sort(best.begin(), best.begin() + kept, best.end());
  for (int64_t each = 0; each < kept; ++each) values[each] = best[each].score, rows[each] = best[each].row;
  return true;
}

// choose_row for queries [first, last) of a block of screened scores; `bad` marks those with a score that is not finite.
// `start` gallery rows were seen before.
static void choose_rows(const float* screened, int64_t stride, const Lines& queries, const Lines& gallery, int64_t first,
                        int64_t last, int64_t start, const Margins& margins, int64_t k, float* values, int64_t* rows,
                        char* bad) {
  std::vector<float> floor;
  std::vector<Candidate> best;
  for (int64_t i = first; i < last; ++i) {
    if (bad[i]) continue;
    bad[i] = !std::isfinite(queries.norm[i]) ||
             !choose_row(screened + i * stride, queries.row(i), i, gallery, start, margins, k, values + i * k,
                         rows + i * k, std::min(k, start), floor, best);
  }
}

}  // namespace ctk::CTK_NAMESPACE
