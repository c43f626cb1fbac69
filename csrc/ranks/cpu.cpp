// Exact ranks and best entries on the CPU: bfloat16 (or float32) tiles screen, exact scores decide. See README.md.
#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <functional>
#include <tuple>
#include <vector>

#include "../common/gemm.h"
#include "../common/isa.h"
#include "../common/parallel.h"
#include "../common/stable.h"
#include "screen.h"

#define CTK_KERNELS "../ranks/kernels.inl"
#include "../common/each_isa.h"

namespace ctk {
namespace {

// 2,048 x 2,048 scores are 16 MB. A block of the gallery is packed once for all queries.
constexpr int64_t kQueries = 1024;
constexpr int64_t kGallery = 2048;

// Rows for one thread at least, of so many numbers each.
int64_t grain(int64_t length) { return std::max<int64_t>(8, (1 << 15) / std::max<int64_t>(1, length)); }

// Some rows of a matrix, as float32 where they lie or in a copy, with norms and rounding errors.
class Block {
 public:
  Block(const Matrix& matrix, bool rounds) : lines_{nullptr, 0, matrix.rows, matrix.columns, nullptr} {
    norm_.resize(matrix.rows);
    error_.resize(matrix.rows);
    if (matrix.type == Element::float32 && matrix.column_stride == 1) {
      lines_.data = static_cast<const float*>(matrix.data);
      lines_.stride = matrix.row_stride;
    } else {
      copy_.resize(matrix.rows * matrix.columns);
      lines_.data = copy_.data();
      lines_.stride = matrix.columns;
    }
    lines_.norm = norm_.data();
    const Isa here = isa();
    parallel(0, matrix.rows, [&](int64_t first, int64_t last, int) {
      if (!copy_.empty()) PICK(here, to_float)(matrix.rows_from(first, last - first), copy_.data() + first * matrix.columns);
      for (int64_t row = first; row < last; ++row)
        PICK(here, measure)(lines_.row(row), matrix.columns, &norm_[row], &error_[row]);
      if (!rounds) std::fill(error_.begin() + first, error_.begin() + last, 0.0f);
    }, grain(matrix.columns));
  }
  Block(const Block&) = delete;
  const Lines& lines() const { return lines_; }
  float norm(int64_t row) const { return norm_[row]; }
  float error(int64_t row) const { return error_[row]; }
  int64_t size() const { return lines_.count; }

 private:
  std::vector<float> copy_, norm_, error_;
  Lines lines_;
};

// What rounding can do to a score, from norms alone (Cauchy and Schwarz; Higham 2002, "Accuracy and Stability of
// Numerical Algorithms", section 3.1, for sums): with x^ = x + e and y^ = y + f,
//   |x^.y^ - x.y| <= |e| |y| + |x^| |f|,  and a float32 sum of D products is off by at most D u |x^| |y^|.
// Twice D u, for sums that round each product as well; 4 u for the rounding of scores and of their difference.
class Bounds {
 public:
  Bounds(const Block& gallery, int64_t length) {
    for (int64_t row = 0; row < gallery.size(); ++row) {
      longest_ = std::max(longest_, gallery.norm(row));
      if (gallery.norm(row) > 0) ratio_ = std::max(ratio_, gallery.error(row) / gallery.norm(row));
      finite_ = finite_ && std::isfinite(gallery.norm(row));
    }
    constexpr float unit = 5.9604645e-8f;
    sum_ = 2 * (length + 16) * unit;
    scores_ = 4 * unit;
    // Operands and products below the smallest normal number, 1.2e-38, may count as zero.
    least_ = (length + 1) * 1e-37f * (1 + longest_);
  }
  bool finite() const { return finite_; }

  Margins of(const Block& queries) {
    margin_.resize(queries.size());
    margin_float_.resize(queries.size());
    float least = least_;
    for (int64_t row = 0; row < queries.size(); ++row) {
      const float norm = queries.norm(row), error = queries.error(row), longer = norm + error;
      const bool fits = double(norm) * longest_ < 1e37;
      margin_[row] = fits ? 1.001f * (error + longer * ratio_ + sum_ * longer * (1 + ratio_) + scores_ * norm) : INFINITY;
      margin_float_[row] = fits ? 1.001f * (sum_ + scores_) * norm : INFINITY;
      if (fits) least = std::max(least, least_ * (1 + norm));
    }
    return {margin_.data(), margin_float_.data(), least};
  }

 private:
  float longest_ = 0, ratio_ = 0, sum_ = 0, scores_ = 0, least_ = 0;
  bool finite_ = true;
  std::vector<float> margin_, margin_float_;
};

// visit(queries, gallery, first query, first gallery row, screened, margins) for blocks of both; screened scores are
// kGallery floats apart. before(gallery, first) is called once a block of the gallery and may stop everything.
template <class Before, class Visit>
void screen(const Matrix& queries, const Matrix& entries, const Before& before, const Visit& visit) {
  const bool rounds = has_bfloat16_products();
  const Products products = rounds ? Products::bfloat16 : Products::float32;
  Workspace right, left, scores;
  for (int64_t start = 0; start < entries.rows; start += kGallery) {
    const Matrix part = entries.rows_from(start, std::min(kGallery, entries.rows - start));
    const Block gallery(part, rounds);
    Bounds bounds(gallery, entries.columns);
    if (!before(bounds.finite())) return;
    const Packed packed_entries = pack(products, part.transposed(), right);
    float* screened = reinterpret_cast<float*>(scores.at_least(kQueries * kGallery * 4));
    for (int64_t row = 0; row < queries.rows; row += kQueries) {
      const Matrix some = queries.rows_from(row, std::min(kQueries, queries.rows - row));
      const Block block(some, rounds);
      multiply(some, packed_entries, screened, kGallery, false, left);
      visit(block, gallery, row, start, screened, bounds.of(block));
    }
  }
}

void check(const Tensor& query, const Tensor& gallery) {
  require(query.dim() == 2 && gallery.dim() == 2 && query.size(1) == gallery.size(1), "query (N, D) and gallery (G, D)");
  require(query.scalar_type() == gallery.scalar_type(), "query and gallery need one dtype");
}

std::tuple<Tensor, Tensor> rank_counts(const Tensor& query, const Tensor& gallery, const Tensor& order,
                                       const Tensor& starts, const Tensor& ends, const Tensor& classes) {
  check(query, gallery);
  for (const Tensor* list : {&starts, &ends})
    require(list->numel() == query.size(0) && list->scalar_type() == ScalarType::Long, "starts and ends are (N,) int64");
  for (const Tensor* list : {&order, &classes})
    require(list->numel() == gallery.size(0) && list->scalar_type() == ScalarType::Long, "order and classes are (G,) int64");
  const Matrix queries = matrix(query), entries = matrix(gallery);
  const Tensor lists[] = {packed(order), packed(starts), packed(ends), packed(classes)};
  const Positives positives{pointer<int64_t>(lists[0]), pointer<int64_t>(lists[1]), pointer<int64_t>(lists[2]),
                            pointer<int64_t>(lists[3])};
  for (int64_t each = 0; each < entries.rows; ++each)
    require(positives.order[each] >= 0 && positives.order[each] < entries.rows, "order holds rows of the gallery");
  Tensor greater = empty(query, {queries.rows}, ScalarType::Long), equal = empty(query, {queries.rows}, ScalarType::Long);
  const Counts counts{pointer<int64_t>(greater), pointer<int64_t>(equal)};
  const Isa here = isa();
  // The best positive of each query, exactly.
  std::vector<float> best(queries.rows);
  parallel(0, queries.rows, [&](int64_t first, int64_t last, int) {
    std::vector<float> line(queries.columns), other(queries.columns);
    for (int64_t i = first; i < last; ++i) {
      const bool some = 0 <= positives.starts[i] && positives.starts[i] < positives.ends[i] && positives.ends[i] <= entries.rows;
      counts.greater[i] = some ? 0 : kNoPositive;
      counts.equal[i] = 0;
      best[i] = -INFINITY;
      PICK(here, to_float)(queries.rows_from(i, 1), line.data());
      for (int64_t each = positives.starts[i]; some && each < positives.ends[i]; ++each) {
        PICK(here, to_float)(entries.rows_from(positives.order[each], 1), other.data());
        const float found = PICK(here, score)(line.data(), other.data(), queries.columns);
        if (!(std::fabs(found) < INFINITY)) counts.greater[i] = kNotFinite;
        best[i] = std::max(best[i], found);
      }
    }
  }, grain(queries.columns));
  auto finite = [&](bool all) {
    if (!all)
      for (int64_t i = 0; i < queries.rows; ++i) counts.greater[i] = std::min(counts.greater[i], kNotFinite);
    return all;
  };
  screen(queries, entries, finite, [&](const Block& block, const Block& part, int64_t row, int64_t start,
                                       const float* screened, const Margins& margins) {
    const Counts some{counts.greater + row, counts.equal + row};
    const Positives of{positives.order, positives.starts + row, positives.ends + row, positives.classes};
    parallel(0, block.size(), [&](int64_t first, int64_t last, int) {
      for (int64_t i = first; i < last; ++i) {
        if (some.greater[i] < 0) continue;
        if (!std::isfinite(block.norm(i)) ||
            !PICK(here, count_row)(screened + i * kGallery, block.lines().row(i), i, best[row + i], part.lines(), start,
                                   margins, of, some))
          some.greater[i] = kNotFinite, some.equal[i] = 0;
      }
    }, grain(part.size()));
  });
  return {greater, equal};
}

std::tuple<Tensor, Tensor> top_scores(const Tensor& query, const Tensor& gallery, int64_t k) {
  check(query, gallery);
  const Matrix queries = matrix(query), entries = matrix(gallery);
  require(k > 0 && k <= entries.rows, "k is at least 1 and at most the size of the gallery");
  Tensor values = empty(query, {queries.rows, k}, ScalarType::Float), rows = empty(query, {queries.rows, k}, ScalarType::Long);
  float* value = pointer<float>(values);
  int64_t* place = pointer<int64_t>(rows);
  const Isa here = isa();
  std::vector<char> bad(queries.rows);
  auto finite = [&](bool all) {
    if (!all) std::fill(bad.begin(), bad.end(), 1);
    return all;
  };
  screen(queries, entries, finite, [&](const Block& block, const Block& part, int64_t row, int64_t start,
                                       const float* screened, const Margins& margins) {
    parallel(0, block.size(), [&](int64_t first, int64_t last, int) {
      PICK(here, choose_rows)(screened, kGallery, block.lines(), part.lines(), first, last, start, margins, k,
                              value + row * k, place + row * k, bad.data() + row);
    }, grain(part.size()));
  });
  for (int64_t i = 0; i < queries.rows; ++i)
    if (bad[i]) std::fill_n(value + i * k, k, NAN), std::fill_n(place + i * k, k, 0);
  return {values, rows};
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ctk, CPU, m) {
  m.impl("rank_counts", TORCH_BOX(&rank_counts));
  m.impl("top_scores", TORCH_BOX(&top_scores));
}

}  // namespace ctk
