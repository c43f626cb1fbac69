// Objectives that go over the rows: absolute and smooth errors, logarithmic loss.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

#include "climb.h"
#include "kernels.h"
#include "newton.h"

namespace blend {

// Members' numbers (M, n), side by side, and the blend's: weights sum to one, so residuals blend as predictions do.
template <class T>
class RowObjective : public Objective {
 public:
  RowObjective(const T* numbers, int members, int64_t rows)
      : numbers_(numbers), members_(members), rows_(rows), blend_(rows), kernels_(row_kernels<T>()) {}

  int members() const override { return members_; }
  bool heavy() const override { return rows_ >= 8192; }

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
 public:
  using RowObjective<T>::RowObjective;

  double alone(int m) const override {
    const double shares[kShares] = {};
    double values[kShares], slopes[kShares];
    this->kernels_.absolute(this->member(m), this->member(m), this->rows_, shares, values, slopes);
    return values[0];
  }

  Candidate search(int m, double low, double high, double best) const override {
    Points points;
    // steps get short as the climb goes on, so most of the first points are near zero
    double shares[kShares] = {low, low / 4, low / 24, low / 256, high / 256, high / 24, high / 4, high};
    evaluate(m, shares, points);
    if (points.slope[0] >= 0) return {points.value[0], low};
    if (points.slope[kShares - 1] <= 0) return {points.value[kShares - 1], high};
    double a = low, b = high, value = 0, slope_a = 0, value_b = 0, slope_b = 0;
    constexpr int64_t kFew = 128;  // kinks that are quicker to sort than to bracket again
    for (int pass = 0;; ++pass) {
      for (int k = 0; k < kShares; ++k)
        if (points.slope[k] < 0 && points.share[k] >= a) {
          a = points.share[k];
          value = points.value[k];
          slope_a = points.slope[k];
        }
      for (int k = kShares - 1; k >= 0; --k)
        if (points.slope[k] >= 0 && points.share[k] <= b) {
          b = points.share[k];
          value_b = points.value[k];
          slope_b = points.slope[k];
        }
      const double width = b - a;
      // the tangents at a and b meet at a share that is near the best, and at a value that no share can reach
      double meet = a + width / 2;
      if (slope_b > slope_a) {
        meet = std::clamp((value_b - value + slope_a * a - slope_b * b) / (slope_a - slope_b), a, b);
        const double bound = value + slope_a * (meet - a);
        if (bound > best * (1 + kRounding)) return {};
      }
      if (!(width > 0) || pass == 8 || static_cast<double>(this->rows_) * width <= kFew * (high - low)) break;
      const double near[kShares] = {-0.3, -0.08, -0.015, -0.002, 0.002, 0.015, 0.08, 0.3};
      for (int k = 0; k < kShares; ++k) shares[k] = std::clamp(meet + near[k] * width, a, b);
      evaluate(m, shares, points);
    }
    std::vector<Breakpoint> kinks;
    this->kernels_.crossings(this->blend(), this->member(m), this->rows_, a, b, kinks);
    std::sort(kinks.begin(), kinks.end(), [](const Breakpoint& x, const Breakpoint& y) { return x.share < y.share; });
    double share = a, slope = slope_a;
    for (const Breakpoint& kink : kinks) {
      value += slope * (kink.share - share);
      share = kink.share;
      slope += 2 * kink.weight;
      if (slope >= 0) break;
    }
    if (slope < 0) {
      value += slope * (b - share);
      share = b;
    }
    return {value, share};
  }

  double take(int m, double share) override {
    return this->kernels_.mix(this->blend_.data(), this->member(m), this->rows_, share);
  }

 private:
  // sums of T's lanes are out by about so much, relatively: a member is given up only when it is behind by more
  static constexpr double kRounding = sizeof(T) == 4 ? 1e-6 : 1e-13;

  struct Points {
    double share[kShares], value[kShares], slope[kShares];
  };

  void evaluate(int m, const double* shares, Points& points) const {
    for (int k = 0; k < kShares; ++k) points.share[k] = static_cast<T>(shares[k]);  // what the kernel will use
    this->kernels_.absolute(this->blend(), this->member(m), this->rows_, points.share, points.value, points.slope);
  }
};

// sum of smooth_l1(x), or of -log(clip(x)): smooth in the share, so a few Newton steps find its best.
template <class T>
class Smooth final : public RowObjective<T> {
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

 private:
  Kernel kernel_;
  double parameter_;
};

}  // namespace blend
