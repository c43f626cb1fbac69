// Objectives that go over the rows: absolute and smooth errors, logarithmic loss.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <vector>

#include "climb.h"
#include "kernels.h"
#include "newton.h"
#include "solve.h"

namespace blend {

// Members' numbers (M, n), side by side, and the blend's: weights sum to one, so residuals blend as predictions do.
template <class T>
class RowObjective : public Objective {
 public:
  RowObjective(const T* numbers, int members, int64_t rows)
      : numbers_(numbers), members_(members), rows_(rows), blend_(rows), kernels_(row_kernels<T>()) {}

  int members() const override { return members_; }
  bool heavy() const override { return rows_ >= 8192; }
  bool thins() const override { return rows_ >= kShort * 64; }

  void begin(int member) override { std::copy_n(this->member(member), rows_, blend_.begin()); }

  void restore(const std::vector<double>& weights) override {
    constexpr int64_t kRun = 512;
    double sums[kRun];
    for (int64_t first = 0; first < rows_; first += kRun) {
      const int64_t count = std::min(kRun, rows_ - first);
      std::fill_n(sums, count, 0.0);
      for (int m = 0; m < members_; ++m)
        if (weights[m] != 0)
          for (int64_t i = 0; i < count; ++i) sums[i] += weights[m] * member(m)[first + i];
      for (int64_t i = 0; i < count; ++i) blend_[first + i] = static_cast<T>(sums[i]);
    }
  }

 protected:
  static constexpr int64_t kShort = 512;  // numbers that lie in the first cache for a moment

  // the members that have a weight
  struct Used {
    std::vector<const T*> from;
    std::vector<double> weights;
  };

  // sums what each run of rows gives, in a fixed order; of the rows every one_of-th short run alone, where that is wanted
  template <class Sum>
  double sum_of_runs(const std::vector<double>& weights, Pool& pool, int64_t one_of, const Sum& sum) const {
    return sum_of_runs(numbers_, rows_, weights, pool, one_of, sum);
  }

  // the same of any numbers (M, rows)
  template <class Sum>
  double sum_of_runs(const T* numbers, int64_t rows, const std::vector<double>& weights, Pool& pool, int64_t one_of,
                     const Sum& sum) const {
    Used used;
    for (int m = 0; m < members_; ++m)
      if (weights[m] != 0) used.from.push_back(numbers + m * rows), used.weights.push_back(weights[m]);
    constexpr int64_t kLong = 1 << 14;  // enough for a thread to take up
    const int64_t length = one_of > 1 ? kShort : kLong, apart = length * one_of;
    const int64_t runs = (rows + apart - 1) / apart;
    std::vector<double> sums(runs);
    const auto work = [&](int64_t run) {
      sums[run] = sum(used, run * apart, std::min(length, rows - run * apart));
    };
    if (one_of > 1)
      for (int64_t run = 0; run < runs; ++run) work(run);
    else
      pool.run(runs, work);
    double total = 0;
    for (const double each : sums) total += each;
    return total;
  }

  const T* member(int m) const { return numbers_ + m * rows_; }
  const T* blend() const { return blend_.data(); }

  const T* numbers_;
  int members_;
  int64_t rows_;
  std::vector<T> blend_;
  const RowKernels<T>& kernels_;
};

// sum |x|. Convex and piecewise linear in the share, with a kink at -e/d of weight 2|d| for each row: the best share is
// a weighted median. Brackets by subgradients shrink to some kinks, and these are sorted.
template <class T>
class Absolute final : public RowObjective<T> {
  using Used = typename RowObjective<T>::Used;

 public:
  using RowObjective<T>::RowObjective;

  double alone(int m) const override {
    return this->kernels_.absolute(this->member(m), this->member(m), this->rows_, 0);
  }

  void begin(int member) override {
    RowObjective<T>::begin(member);
    loss_ = alone(member);
  }

  void restore(const std::vector<double>& weights) override {
    RowObjective<T>::restore(weights);
    loss_ = this->kernels_.absolute(this->blend(), this->blend(), this->rows_, 0);
  }

  double take(int m, double share) override {
    return loss_ = this->kernels_.mix(this->blend_.data(), this->member(m), this->rows_, share);
  }

  Candidate search(int m, double low, double high, double best) const override {
    return search(this->member(m), low, high, best);
  }

  double at(const std::vector<double>& weights, Pool& pool, int64_t one_of = 1) override {
    const auto sum = [&](const Used& used, int64_t first, int64_t count) {
      return this->kernels_.mixed(used.from.data(), used.weights.data(), static_cast<int>(used.from.size()), first, count);
    };
    if (one_of > 1 || !region_.holds(weights)) return this->sum_of_runs(weights, pool, one_of, sum);
    double loss = this->sum_of_runs(region_.numbers.data(), region_.rows, weights, pool, 1, sum);
    for (int m = 0; m < this->members_; ++m) loss += weights[m] * region_.linear[m];
    return loss;
  }

  // Weights within the radius change a row's residual by at most radius / 2 times its members' range, as changes sum to
  // zero. Where that is less than the residual its sign stays, and the sum of all such rows is linear in the weights.
  void expect(const std::vector<double>& centre, double radius, Pool& pool) override {
    const bool within = region_.distance(centre) + radius <= region_.radius;
    const T* numbers = within ? region_.numbers.data() : this->numbers_;
    const int64_t rows = within ? region_.rows : this->rows_;
    const int members = this->members_;
    std::vector<const T*> from(members);
    for (int m = 0; m < members; ++m) from[m] = numbers + m * rows;
    constexpr int64_t kRun = kSplit * 32;
    const int64_t runs = (rows + kRun - 1) / kRun;
    std::vector<std::vector<int64_t>> near(runs);  // the rows whose sign may change
    std::vector<double> linear(runs * members, 0.0);
    pool.run(runs, [&](int64_t run) {
      T signs[kSplit];
      const int64_t end = std::min(rows, (run + 1) * kRun);
      std::vector<int64_t>& here = near[run];
      here.resize(end - run * kRun);
      int64_t count = 0;
      for (int64_t first = run * kRun; first < end; first += kSplit) {
        const int64_t some = std::min<int64_t>(kSplit, end - first);
        this->kernels_.split(from.data(), centre.data(), members, first, some, radius / 2, signs,
                             linear.data() + run * members);
        for (int64_t i = 0; i < some; ++i) {
          here[count] = first + i;
          count += signs[i] == 0;
        }
      }
      here.resize(count);
    });
    Region region{centre, radius, 0, {}, std::vector<double>(members, 0.0)};
    if (within) region.linear = region_.linear;
    std::vector<int64_t> places(runs);
    for (int64_t run = 0; run < runs; ++run) {
      places[run] = region.rows;
      region.rows += static_cast<int64_t>(near[run].size());
      for (int m = 0; m < members; ++m) region.linear[m] += linear[run * members + m];
    }
    if (2 * region.rows > this->rows_) return;  // a copy of so many would take memory and save little
    region.numbers.resize(members * region.rows);
    pool.run(runs, [&](int64_t run) {
      for (int m = 0; m < members; ++m) {
        T* to = region.numbers.data() + m * region.rows + places[run];
        for (const int64_t row : near[run]) *to++ = from[m][row];
      }
    });
    region_ = std::move(region);
  }

  // Where no step to a single member gains, a step to several at once still may: the sum has kinks. Their direction is
  // Newton's for the sum with its kinks rounded off within delta (Huber 1964), its length exact; delta shrinks until it
  // holds as many residuals as there are weights to choose, which is how many are zero where the sum is least.
  std::optional<std::vector<double>> polish(const std::vector<double>& start, const std::vector<bool>& allowed,
                                            Pool& pool) override {
    std::vector<int> free;
    for (int m = 0; m < this->members_; ++m)
      if (allowed[m]) free.push_back(m);
    const size_t fewest = free.size() - 1;
    if (fewest < 1 || this->rows_ <= static_cast<int64_t>(fewest)) return std::nullopt;
    const double before = loss_;
    std::vector<double> weights = start;
    std::vector<T> direction(this->rows_);
    constexpr int kSweeps = 30;
    constexpr double kGain = 1e-8;  // of a sweep, relatively: about what float tells apart
    for (int sweep = 0; sweep < kSweeps; ++sweep) {
      const double loss = loss_;
      const std::vector<int64_t> near = nearest(fewest);
      for (size_t count = near.size();; count = std::max(count / 6, fewest)) {
        pool.poll();
        const std::vector<double> change = newton_direction(free, near, count, pool);
        if (!change.empty()) {
          aim(free, change, direction, pool);
          const Candidate found = search(direction.data(), -1, 4, loss_);
          if (found.loss < loss_ && found.share != 0) {
            loss_ = this->kernels_.mix(this->blend_.data(), direction.data(), this->rows_, found.share);
            for (size_t i = 0; i < free.size(); ++i) weights[free[i]] += found.share * change[i];
          }
        }
        if (count == fewest) break;
      }
      if (!(loss - loss_ > kGain * loss)) break;
    }
    if (!(loss_ < before)) return std::nullopt;
    return weights;
  }

 private:
  // what `expect` found out about the weights around a centre
  struct Region {
    std::vector<double> centre;
    double radius = -1;
    int64_t rows = 0;
    std::vector<T> numbers;      // (M, rows), of the rows whose sign may change
    std::vector<double> linear;  // the other rows' loss is this times the weights

    double distance(const std::vector<double>& weights) const {
      if (centre.empty()) return kNever;
      double sum = 0;
      for (size_t m = 0; m < centre.size(); ++m) sum += std::abs(weights[m] - centre[m]);
      return sum;
    }
    bool holds(const std::vector<double>& weights) const { return distance(weights) <= radius; }
  };

  // rows with the smallest |e|, smallest first: an eighth of all, or some two thousand, or a few more than asked for
  std::vector<int64_t> nearest(size_t fewest) const {
    const auto size = [&](int64_t i) { return std::abs(this->blend_[i]); };
    const int64_t wanted = std::max<int64_t>(std::min<int64_t>(this->rows_ / 8, 2048), static_cast<int64_t>(fewest));
    // the limit comes from a sample: how many rows there are exactly does not matter
    const int64_t stride = std::max<int64_t>(1, this->rows_ / 8192);
    std::vector<T> sample;
    for (int64_t i = 0; i < this->rows_; i += stride) sample.push_back(size(i));
    const auto limit = sample.begin() + std::min<int64_t>(wanted / stride, static_cast<int64_t>(sample.size()) - 1);
    std::nth_element(sample.begin(), limit, sample.end());
    std::vector<int64_t> near;
    for (int64_t i = 0; i < this->rows_; ++i)
      if (size(i) <= *limit) near.push_back(i);
    for (int64_t i = 0; near.size() < fewest; ++i) near.push_back(i);  // never: the sample is of at least 8192 rows
    std::sort(near.begin(), near.end(), [&](int64_t a, int64_t b) { return size(a) < size(b); });
    return near;
  }

  // change of the free members' weights, summing to zero; empty where there is none
  std::vector<double> newton_direction(const std::vector<int>& free, const std::vector<int64_t>& near, size_t kinks,
                                       Pool& pool) const {
    const size_t count = free.size(), size = count + 1;
    const double delta =
        std::max<double>(std::abs(this->blend_[near[kinks - 1]]), std::numeric_limits<T>::min());
    std::vector<double> slopes(count), rows(kinks * count), system(size * size, 0.0), right(size, 0.0);
    pool.run(static_cast<int64_t>(count), [&](int64_t a) {
      const T* member = this->member(free[a]);
      const double here = 0;
      // less sum |e|, which the weights' sum of zero cancels
      this->kernels_.slope(this->blend(), member, this->rows_, &here, &slopes[a]);
      for (size_t k = 0; k < kinks; ++k) {
        const T e = this->blend_[near[k]];
        const double d = static_cast<double>(member[near[k]]) - e;
        rows[k * count + a] = d;
        slopes[a] += (std::clamp(e / delta, -1.0, 1.0) - (std::signbit(e) ? -1 : 1)) * d;
      }
    });
    for (size_t k = 0; k < kinks; ++k) {
      const double* row = rows.data() + k * count;
      for (size_t a = 0; a < count; ++a)
        for (size_t b = 0; b < count; ++b) system[a * size + b] += row[a] * row[b] / delta;
    }
    double trace = 0;
    for (size_t a = 0; a < count; ++a) trace += system[a * size + a];
    for (size_t a = 0; a < count; ++a) {
      system[a * size + a] += 1e-10 * trace / static_cast<double>(count);  // members that are alike
      system[a * size + count] = system[count * size + a] = 1;
      right[a] = -slopes[a];
    }
    if (!solve(system, right)) return {};
    right.resize(count);
    return right;
  }

  // direction = the blend with its weights changed by all of `change`
  void aim(const std::vector<int>& free, const std::vector<double>& change, std::vector<T>& direction,
           Pool& pool) const {
    constexpr int64_t kRun = 4096;
    pool.run((this->rows_ + kRun - 1) / kRun, [&](int64_t part) {
      const int64_t first = part * kRun, count = std::min(kRun, this->rows_ - first);
      double sums[kRun];
      for (int64_t i = 0; i < count; ++i) sums[i] = this->blend_[first + i];
      for (size_t a = 0; a < free.size(); ++a)
        for (int64_t i = 0; i < count; ++i) sums[i] += change[a] * this->member(free[a])[first + i];
      for (int64_t i = 0; i < count; ++i) direction[first + i] = static_cast<T>(sums[i]);
    });
  }

  Candidate search(const T* m, double low, double high, double best) const {
    // steps get short as the climb goes on, so most of the first shares are near zero
    Points points = at(m, {low, low / 4, low / 24, low / 256, high / 256, high / 24, high / 4, high});
    if (points.slope[0] >= 0) return ended(m, low);
    if (points.slope[kShares - 1] < 0) return ended(m, high);
    if (least(points) > best * (1 + kRounding)) return {};
    double a = low, b = high, slope_a = points.slope[0], slope_b = points.slope[kShares - 1];
    constexpr int64_t kFew = 256;  // kinks that are quicker to sort than to bracket again
    for (int pass = 0;; ++pass) {
      for (int k = 0; k < kShares; ++k) {  // slopes rise with the share, but for rounding
        if (points.slope[k] < 0 && points.share[k] >= a) a = points.share[k], slope_a = points.slope[k];
      }
      for (int k = kShares - 1; k >= 0; --k) {
        if (points.slope[k] >= 0 && points.share[k] <= b) b = points.share[k], slope_b = points.slope[k];
      }
      const double width = b - a;
      if (!(width > 0) || pass == 8 || static_cast<double>(this->rows_) * width <= kFew * std::min(1.0, high - low))
        break;
      // where a parabola would have its least value, and ever farther from there
      const double middle = a - slope_a * width / (slope_b - slope_a);
      std::array<double, kShares> shares = {-0.3, -0.08, -0.015, -0.002, 0.002, 0.015, 0.08, 0.3};
      for (double& share : shares) share = std::clamp(middle + share * width, a, b);
      points = at(m, shares);
    }
    std::vector<Breakpoint> kinks;
    this->kernels_.crossings(this->blend(), m, this->rows_, a, b, kinks);
    std::sort(kinks.begin(), kinks.end(), [](const Breakpoint& x, const Breakpoint& y) { return x.share < y.share; });
    double slope = slope_a;
    for (const Breakpoint& kink : kinks)
      if ((slope += 2 * kink.weight) >= 0) return ended(m, kink.share);
    return ended(m, b);
  }

  // sums of T's lanes are out by about so much, relatively: a member is given up only when it is behind by more
  static constexpr double kRounding = sizeof(T) == 4 ? 1e-6 : 1e-13;

  struct Points {
    std::array<double, kShares> share, slope;
  };

  Points at(const T* m, const std::array<double, kShares>& shares) const {
    Points points;
    for (int k = 0; k < kShares; ++k) points.share[k] = static_cast<T>(shares[k]);  // what the kernel will use
    this->kernels_.slopes(this->blend(), m, this->rows_, points.share.data(), points.slope.data());
    return points;
  }

  Candidate ended(const T* m, double share) const {
    return {this->kernels_.absolute(this->blend(), m, this->rows_, share), share};
  }

  // No share can come below this: from zero on, the slope between two shares is at least that at the left one (going
  // right), at most that at the right one (going left).
  double least(const Points& points) const {
    constexpr int half = kShares / 2;
    double right = 0, left = 0;
    for (int k = half - 1; k + 1 < kShares && points.slope[k] < 0; ++k)
      right += points.slope[k] * (points.share[k + 1] - std::max(0.0, points.share[k]));
    for (int k = half; k > 0 && points.slope[k] > 0; --k)
      left -= points.slope[k] * (std::min(0.0, points.share[k]) - points.share[k - 1]);
    return loss_ + std::min(left, right);
  }

  double loss_ = 0;
  Region region_;
};

// sum of smooth_l1(x), or of -log(clip(x)): smooth in the share, so a few Newton steps find its best.
template <class T>
class Smooth final : public RowObjective<T> {
  using Used = typename RowObjective<T>::Used;

 public:
  using Kernel = Curve (*)(const T*, const T*, int64_t, double, double);

  Smooth(const T* numbers, int members, int64_t rows, Kernel RowKernels<T>::* kernel, double parameter)
      : RowObjective<T>(numbers, members, rows), kernel_(this->kernels_.*kernel), parameter_(parameter) {}

  double alone(int m) const override {
    return kernel_(this->member(m), this->member(m), this->rows_, 0, parameter_).value;
  }

  Candidate search(int m, double low, double high, double) const override {
    return newton(
        [&](double share) { return kernel_(this->blend(), this->member(m), this->rows_, share, parameter_); }, low,
        high);
  }

  double take(int m, double share) override {
    this->kernels_.mix(this->blend_.data(), this->member(m), this->rows_, share);
    return kernel_(this->blend(), this->blend(), this->rows_, 0, parameter_).value;
  }

  double at(const std::vector<double>& weights, Pool& pool, int64_t one_of = 1) override {
    return this->sum_of_runs(weights, pool, one_of, [&](const Used& used, int64_t first, int64_t count) {
      T x[RowObjective<T>::kShort];
      double total = 0;
      for (int64_t start = first; start < first + count; start += RowObjective<T>::kShort) {
        const int64_t some = std::min<int64_t>(RowObjective<T>::kShort, first + count - start);
        std::fill_n(x, some, T(0));
        for (size_t m = 0; m < used.from.size(); ++m)
          for (int64_t i = 0; i < some; ++i) x[i] += static_cast<T>(used.weights[m]) * used.from[m][start + i];
        total += kernel_(x, x, some, 0, parameter_).value;
      }
      return total;
    });
  }

 private:
  Kernel kernel_;
  double parameter_;
};

}  // namespace blend
