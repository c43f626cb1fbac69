// Nelder and Mead's simplex over weights that are clipped at zero and sum to one.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "climb.h"

namespace blend {

struct SimplexOptions {
  double tolerance;  // of the loss: a simplex that spans less has ended, a start that gains less is the last
  int64_t max_evaluations;
};

// Vertices are M weights that sum to one, so that M of them are a simplex of M - 1 dimensions, and every move, being a
// mixture of vertices, keeps the sum. A vertex with weights below zero stands for what clipping and scaling make of it.
class Simplex final : public Search {
 public:
  Simplex(std::unique_ptr<Objective> objective, SimplexOptions options)
      : objective_(std::move(objective)), options_(options), members_count_(objective_->members()),
        weights_(members_count_, 1.0 / members_count_) {
    // Gao and Han 2012: in many dimensions milder steps, or simplices go flat; in two these are Nelder and Mead's own
    const double dimensions = std::max(2, members_count_ - 1);
    expansion_ = 1 + 2 / dimensions;
    contraction_ = 0.75 - 1 / (2 * dimensions);
    shrinkage_ = 1 - 1 / dimensions;
  }

  bool advance(double seconds, Pool& pool) override {
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    if (evaluations_ == 0) {
      if (objective_->thins()) one_of_ = kThinned;
      loss_ = evaluate(std::vector<double>(weights_), pool);
      if (members_count_ == 1) return finish();
      start(pool);
    }
    while (!over_ && std::chrono::steady_clock::now() < end) {
      if (ended()) {
        restart(pool);
      } else {
        move(pool);
        look_ahead(size(), pool);
      }
      pool.poll();
    }
    return over_;
  }

  const std::vector<double>& weights() const override { return weights_; }
  double loss() const override { return loss_; }
  const std::vector<int64_t>& members() const override { return counts_; }
  const std::vector<double>& shares() const override { return widths_; }
  const std::vector<double>& losses() const override { return losses_; }
  double at(const std::vector<double>& weights, Pool& pool) override { return objective_->at(weights, pool); }

 private:
  static constexpr double kWidest = 0.5, kNarrowing = 0.2;  // of the first simplex, and of each after it
  static constexpr double kSmallest = 1e-7;                 // a simplex so small has ended, whatever its losses
  // The first simplices see one of so many rows, where a pass over all of them is what takes the time: they end about as
  // far from the best weights as chance puts those of so many rows, and cost next to nothing. The next, on all rows, is
  // of about that size.
  static constexpr int64_t kThinned = 16;
  static constexpr double kThinTolerance = 1e-5, kAfterThinned = 0.02;

  // The objective is told of the neighbourhood that the simplex is in: of so many times its size, anew when a half of it
  // would do or when so many blends lay outside. One wider than the last of these would hold most rows' kinks.
  static constexpr double kReach = 4;
  static constexpr int kMisses = 3;
  static constexpr double kWidestReach = 0.5;

  struct Vertex {
    double loss = kNever;
    std::vector<double> at;
  };

  double evaluate(const std::vector<double>& at, Pool& pool) {
    ++evaluations_;
    clipped_ = at;
    double sum = 0;
    for (double& weight : clipped_) sum += weight = std::max(weight, 0.0);
    for (double& weight : clipped_) weight /= sum;
    if (reach_ > 0 && distance(clipped_, centre_) > reach_) ++misses_;
    const double loss = objective_->at(clipped_, pool, one_of_);
    if (loss < loss_) {
      loss_ = loss;
      weights_ = clipped_;
    }
    return std::isnan(loss) ? kNever : loss;
  }

  // a simplex whose vertices lie a part of the way from the best weights to each member alone
  void start(Pool& pool) {
    start_loss_ = loss_;
    reach_ = 0;  // that of the last start was small, and this one is wider
    look_ahead(2 * width_, pool);
    const std::vector<double> from = weights_;
    vertices_.assign(members_count_, {});
    for (int member = 0; member < members_count_; ++member) {
      Vertex& vertex = vertices_[member];
      vertex.at = from;
      for (double& weight : vertex.at) weight *= 1 - width_;
      vertex.at[member] += width_;
      vertex.loss = evaluate(vertex.at, pool);
    }
    order();
  }

  static double distance(const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) sum += std::abs(a[i] - b[i]);
    return sum;
  }

  // how far the farthest vertex is from the best
  double size() const {
    double farthest = 0;
    for (const Vertex& vertex : vertices_) farthest = std::max(farthest, distance(vertex.at, vertices_.front().at));
    return farthest;
  }

  void look_ahead(double size, Pool& pool) {
    const double reach = kReach * size;
    if (one_of_ > 1 || !objective_->thins() || reach > kWidestReach) return;
    if (reach_ > 0 && misses_ < kMisses && reach > reach_ / 2) return;
    objective_->expect(weights_, reach, pool);
    centre_ = weights_;
    reach_ = reach;
    misses_ = 0;
  }

  bool ended() const {
    if (evaluations_ >= options_.max_evaluations) return true;
    if (vertices_.back().loss - vertices_.front().loss <= tolerance() * std::abs(vertices_.front().loss)) return true;
    double widest = 0;
    for (const Vertex& vertex : vertices_)
      for (int i = 0; i < members_count_; ++i)
        widest = std::max(widest, std::abs(vertex.at[i] - vertices_.front().at[i]));
    return widest <= kSmallest;
  }

  double tolerance() const { return one_of_ > 1 ? std::max(kThinTolerance, options_.tolerance) : options_.tolerance; }

  void restart(Pool& pool) {
    const bool gained = start_loss_ - loss_ > tolerance() * std::abs(loss_), full = one_of_ == 1;
    const bool last = evaluations_ >= options_.max_evaluations;
    counts_.push_back(evaluations_);
    widths_.push_back(width_);
    losses_.push_back(full ? loss_ : objective_->at(weights_, pool));
    if (!full && (!gained || last)) {
      one_of_ = 1;
      loss_ = losses_.back();
    }
    if (last || (full && !gained && losses_.size() > 1)) {
      finish();
      return;
    }
    width_ = full == (one_of_ == 1) ? width_ * kNarrowing : kAfterThinned;
    start(pool);
  }

  bool finish() {
    if (losses_.empty()) {
      counts_.push_back(evaluations_);
      widths_.push_back(width_);
      losses_.push_back(loss_);
    }
    return over_ = true;
  }

  void move(Pool& pool) {
    const Vertex& worst = vertices_.back();
    std::vector<double> centre(members_count_, 0.0);
    for (int v = 0; v + 1 < members_count_; ++v)
      for (int i = 0; i < members_count_; ++i) centre[i] += vertices_[v].at[i] / (members_count_ - 1);
    // centre + step * (centre - worst)
    const auto along = [&](double step) {
      Vertex vertex;
      vertex.at.resize(members_count_);
      for (int i = 0; i < members_count_; ++i) vertex.at[i] = centre[i] + step * (centre[i] - worst.at[i]);
      vertex.loss = evaluate(vertex.at, pool);
      return vertex;
    };
    Vertex reflected = along(1);
    if (reflected.loss < vertices_.front().loss) {
      Vertex expanded = along(expansion_);
      return replace_worst(expanded.loss < reflected.loss ? std::move(expanded) : std::move(reflected));
    }
    if (reflected.loss < vertices_[members_count_ - 2].loss) return replace_worst(std::move(reflected));
    const bool outside = reflected.loss < worst.loss;
    Vertex contracted = along(outside ? contraction_ : -contraction_);
    if (contracted.loss < (outside ? reflected.loss : worst.loss)) return replace_worst(std::move(contracted));
    for (int v = 1; v < members_count_; ++v) {
      for (int i = 0; i < members_count_; ++i)
        vertices_[v].at[i] = vertices_[0].at[i] + shrinkage_ * (vertices_[v].at[i] - vertices_[0].at[i]);
      vertices_[v].loss = evaluate(vertices_[v].at, pool);
    }
    order();
  }

  void replace_worst(Vertex vertex) {
    vertices_.pop_back();
    const auto place = std::upper_bound(vertices_.begin(), vertices_.end(), vertex.loss,
                                        [](double loss, const Vertex& other) { return loss < other.loss; });
    vertices_.insert(place, std::move(vertex));
  }

  void order() {
    std::stable_sort(vertices_.begin(), vertices_.end(),
                     [](const Vertex& a, const Vertex& b) { return a.loss < b.loss; });
  }

  std::unique_ptr<Objective> objective_;
  SimplexOptions options_;
  int members_count_;
  double expansion_, contraction_, shrinkage_;
  std::vector<Vertex> vertices_;  // best first
  std::vector<double> weights_, clipped_, centre_;
  double reach_ = 0;  // of the objective's neighbourhood around centre_, once there is one
  int misses_ = 0;
  double loss_ = kNever, start_loss_ = kNever, width_ = kWidest;
  int64_t evaluations_ = 0, one_of_ = 1;
  bool over_ = false;
  std::vector<int64_t> counts_;  // evaluations by the end of each start
  std::vector<double> widths_, losses_;
};

}  // namespace blend
