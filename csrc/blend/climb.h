// The climb: from the best member alone, one step after another, each the best that any member offers.
#pragma once

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "pool.h"

namespace blend {

constexpr double kNever = std::numeric_limits<double>::infinity();

struct Candidate {
  double loss = kNever, share = 0;
};

// What is made small. A blend's state is the objective's own; all of search's calls of a round may run at once.
class Objective {
 public:
  virtual ~Objective() = default;
  virtual int members() const = 0;
  virtual double alone(int member) const = 0;
  virtual void begin(int member) = 0;
  // the best share of member in [low, high]; may give up (a loss of infinity) once it cannot come below `best`
  virtual Candidate search(int member, double low, double high, double best) const = 0;
  // takes the step and returns the loss after it
  virtual double take(int member, double share) = 0;
  // the state from the weights alone: drops what rounding gathered, or a step that did not pay
  virtual void restore(const std::vector<double>& weights) = 0;
  // whether a round is worth several threads
  virtual bool heavy() const { return true; }
};

struct Options {
  double low, high;
  bool replacement;
  double tolerance;  // a gain under tolerance times the first loss counts as none
  int patience;      // rounds in a row that may gain no more than that
  int64_t max_rounds;
  std::vector<bool> allowed;
};

class Climb {
 public:
  Climb(std::unique_ptr<Objective> objective, Options options)
      : objective_(std::move(objective)), options_(std::move(options)), weights_(objective_->members(), 0.0) {}

  // Goes on for about so many seconds. True once the climb is over.
  bool advance(double seconds, Pool& pool) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    if (members_.empty()) begin(pool);
    while (!over_ && std::chrono::steady_clock::now() < end) {
      round(pool);
      pool.poll();
    }
    return over_;
  }

  const std::vector<double>& weights() const { return weights_; }
  double loss() const { return loss_; }
  const std::vector<int64_t>& members() const { return members_; }
  const std::vector<double>& shares() const { return shares_; }
  const std::vector<double>& losses() const { return losses_; }

 private:
  static constexpr int kRefresh = 64;  // rounds between two computations of the state from the weights

  void each(Pool& pool, const std::function<void(int64_t)>& work) {
    const int64_t count = objective_->members();
    if (objective_->heavy())
      pool.run(count, work);
    else
      for (int64_t member = 0; member < count; ++member) work(member);
  }

  void begin(Pool& pool) {
    std::vector<double> alone(weights_.size(), kNever);
    each(pool, [&](int64_t member) {
      if (options_.allowed[member]) alone[member] = objective_->alone(static_cast<int>(member));
    });
    size_t first = 0;
    for (size_t member = 0; member < alone.size(); ++member)
      if (alone[member] < alone[first] || !options_.allowed[first]) first = member;
    objective_->begin(static_cast<int>(first));
    loss_ = first_loss_ = alone[first];
    weights_[first] = 1;
    record(static_cast<int>(first), 1);
    over_ = options_.max_rounds <= 1;
  }

  void round(Pool& pool) {
    std::vector<Candidate> found(weights_.size());
    std::atomic<double> best{loss_};
    each(pool, [&](int64_t member) {
      if (!options_.allowed[member]) return;
      found[member] = objective_->search(static_cast<int>(member), options_.low, options_.high, best);
      for (double seen = best; found[member].loss < seen && !best.compare_exchange_weak(seen, found[member].loss);) {
      }
    });
    size_t taken = 0;
    for (size_t member = 1; member < found.size(); ++member)
      if (found[member].loss < found[taken].loss) taken = member;
    const double share = found[taken].share;
    if (!(found[taken].loss < loss_) || share == 0) return stop();

    const double loss = objective_->take(static_cast<int>(taken), share);
    if (!(loss < loss_)) {  // the search was out by a rounding: there is nothing left to gain
      objective_->restore(weights_);
      return stop();
    }
    for (double& weight : weights_) weight *= 1 - share;
    weights_[taken] += share;
    poor_rounds_ = loss_ - loss < options_.tolerance * std::abs(first_loss_) ? poor_rounds_ + 1 : 0;
    loss_ = loss;
    record(static_cast<int>(taken), share);
    if (members_.size() % kRefresh == 0) objective_->restore(weights_);
    if (poor_rounds_ >= options_.patience || static_cast<int64_t>(members_.size()) >= options_.max_rounds) stop();
  }

  void stop() { over_ = true; }

  void record(int member, double share) {
    if (!options_.replacement) options_.allowed[member] = false;
    members_.push_back(member);
    shares_.push_back(share);
    losses_.push_back(loss_);
  }

  std::unique_ptr<Objective> objective_;
  Options options_;
  std::vector<double> weights_;
  double loss_ = kNever, first_loss_ = kNever;
  int poor_rounds_ = 0;
  bool over_ = false;
  std::vector<int64_t> members_;
  std::vector<double> shares_, losses_;
};

}  // namespace blend
