// Squared errors, from Gram matrices alone: a step costs O(M), and its best share is known in closed form.
#pragma once

#include <algorithm>
#include <vector>

#include "climb.h"
#include "newton.h"

namespace blend {

// A member's column that must be met exactly: a constant target, whose r2 is 1 or, with any error at all, 0.
struct ExactColumns {
  std::vector<double> costs;   // (K,) what a column costs once it is missed
  std::vector<uint8_t> missed;  // (K, M) whether the member alone misses it

  double cost(size_t member) const {
    const size_t members = costs.empty() ? 0 : missed.size() / costs.size();
    double total = 0;
    for (size_t k = 0; k < costs.size(); ++k) total += missed[k * members + member] ? costs[k] : 0;
    return total;
  }
  // after a step towards member: what has been missed stays missed
  void take(std::vector<uint8_t>& seen, size_t member) const {
    const size_t members = costs.empty() ? 0 : missed.size() / costs.size();
    for (size_t k = 0; k < costs.size(); ++k) seen[k] |= missed[k * members + member];
  }
  double cost_after(const std::vector<uint8_t>& seen, size_t member) const {
    const size_t members = costs.empty() ? 0 : missed.size() / costs.size();
    double total = 0;
    for (size_t k = 0; k < costs.size(); ++k) total += seen[k] || missed[k * members + member] ? costs[k] : 0;
    return total;
  }
};

// w' A w (+ the cost of exact columns).
class Quadratic final : public Objective {
 public:
  Quadratic(std::vector<double> gram, int members, ExactColumns exact)
      : gram_(std::move(gram)), members_(members), exact_(std::move(exact)), missed_(exact_.costs.size(), 0),
        product_(members, 0.0) {}

  int members() const override { return members_; }
  bool heavy() const override { return false; }
  double alone(int m) const override { return gram_[m * members_ + m] + exact_.cost(m); }

  void begin(int member) override {
    product_.assign(gram_.begin() + member * members_, gram_.begin() + (member + 1) * members_);
    square_ = product_[member];
    std::fill(missed_.begin(), missed_.end(), 0);
    exact_.take(missed_, member);
  }

  Candidate search(int m, double low, double high, double) const override {
    const double slope = product_[m] - square_, curvature = gram_[m * members_ + m] - 2 * product_[m] + square_;
    double share = slope < 0 ? high : low;
    if (slope == 0) return {};
    if (curvature > 0) share = std::clamp(-slope / curvature, low, high);
    return {square_ + share * (2 * slope + share * curvature) + exact_.cost_after(missed_, m), share};
  }

  double take(int m, double share) override {
    const double* row = gram_.data() + m * members_;
    square_ = (1 - share) * ((1 - share) * square_ + 2 * share * product_[m]) + share * share * row[m];
    for (int i = 0; i < members_; ++i) product_[i] += share * (row[i] - product_[i]);
    exact_.take(missed_, m);
    return square_ + exact_.cost_after(missed_, m);
  }

  void restore(const std::vector<double>& weights) override {
    square_ = 0;
    for (int i = 0; i < members_; ++i) {
      product_[i] = 0;
      for (int j = 0; j < members_; ++j) product_[i] += gram_[i * members_ + j] * weights[j];
      square_ += weights[i] * product_[i];
    }
    std::fill(missed_.begin(), missed_.end(), 0);
    for (int i = 0; i < members_; ++i)
      if (weights[i] != 0) exact_.take(missed_, i);
  }

  double at(const std::vector<double>& weights, Pool&, int64_t) override {
    restore(weights);
    double total = square_;
    for (size_t k = 0; k < missed_.size(); ++k) total += missed_[k] ? exact_.costs[k] : 0;
    return total;
  }

 private:
  std::vector<double> gram_;
  int members_;
  ExactColumns exact_;
  std::vector<uint8_t> missed_;
  std::vector<double> product_;  // A w
  double square_ = 0;            // w' A w
};

// sum over columns of sqrt(w' A_c w): each root is the norm of an affine function of the share, so the sum is convex.
class Roots final : public Objective {
 public:
  Roots(std::vector<double> grams, int columns, int members)
      : grams_(std::move(grams)), columns_(columns), members_(members), products_(columns * members), squares_(columns) {}

  int members() const override { return members_; }
  bool heavy() const override { return false; }

  double alone(int m) const override {
    double total = 0;
    for (int c = 0; c < columns_; ++c) total += std::sqrt(entry(c, m, m));
    return total;
  }

  void begin(int member) override {
    std::vector<double> weights(members_, 0.0);
    weights[member] = 1;
    restore(weights);
  }

  Candidate search(int m, double low, double high, double) const override {
    const auto at = [&](double share) {
      double value = 0, slope = 0, curvature = 0;
      for (int c = 0; c < columns_; ++c) {
        const double a = squares_[c], b = products_[c * members_ + m] - a, d = entry(c, m, m) - a - 2 * b;
        const double square = a + share * (2 * b + share * d);
        if (square <= 0) continue;
        const double root = std::sqrt(square), first = (b + share * d) / root;
        value += root;
        slope += first;
        curvature += std::max(0.0, (d - first * first) / root);
      }
      return Curve{value, slope, curvature};
    };
    return newton(at, low, high);
  }

  double take(int m, double share) override {
    double total = 0;
    for (int c = 0; c < columns_; ++c) {
      double* product = products_.data() + c * members_;
      squares_[c] = (1 - share) * ((1 - share) * squares_[c] + 2 * share * product[m]) + share * share * entry(c, m, m);
      for (int i = 0; i < members_; ++i) product[i] += share * (entry(c, m, i) - product[i]);
      total += std::sqrt(std::max(0.0, squares_[c]));
    }
    return total;
  }

  void restore(const std::vector<double>& weights) override {
    for (int c = 0; c < columns_; ++c) {
      squares_[c] = 0;
      for (int i = 0; i < members_; ++i) {
        double total = 0;
        for (int j = 0; j < members_; ++j) total += entry(c, i, j) * weights[j];
        products_[c * members_ + i] = total;
        squares_[c] += weights[i] * total;
      }
      squares_[c] = std::max(0.0, squares_[c]);
    }
  }

  double at(const std::vector<double>& weights, Pool&, int64_t) override {
    restore(weights);
    double total = 0;
    for (const double square : squares_) total += std::sqrt(square);
    return total;
  }

 private:
  double entry(int c, int i, int j) const { return grams_[(static_cast<int64_t>(c) * members_ + i) * members_ + j]; }

  std::vector<double> grams_;  // (C, M, M), with the columns' weights in them
  int columns_, members_;
  std::vector<double> products_, squares_;  // (C, M), (C,)
};

}  // namespace blend
