// The climb: from the best member alone, one step after another, each the best that any member offers.
#pragma once

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "../common/pool.h"

namespace blend {

using ctk::Pool;

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
  // better weights of the allowed members where single steps find none, with the state made theirs; else none
  virtual std::optional<std::vector<double>> polish(const std::vector<double>&, const std::vector<bool>&, Pool&) {
    return std::nullopt;
  }
  // the loss of any weights, on all rows, or on about one of so many (where there are enough); the state may be left as
  // theirs
  virtual double at(const std::vector<double>& weights, Pool& pool, int64_t one_of = 1) = 0;
  // weights that differ from `centre` by at most `radius` (the sum of what each differs by) are asked about next, and
  // often: `at` may be made quicker for these, never less exact
  virtual void expect(const std::vector<double>&, double, Pool&) {}
  // whether `at` is much quicker on a part of the rows
  virtual bool thins() const { return false; }
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

// A search for weights under way, as Python sees it.
class Search {
 public:
  virtual ~Search() = default;
  // goes on for about so many seconds; true once it is over
  virtual bool advance(double seconds, Pool& pool) = 0;
  virtual const std::vector<double>& weights() const = 0;
  virtual double loss() const = 0;
  // of each step so far: the member it mixed in (a simplex: evaluations by its end), its share (the simplex's width), the
  // loss after it
  virtual const std::vector<int64_t>& members() const = 0;
  virtual const std::vector<double>& shares() const = 0;
  virtual const std::vector<double>& losses() const = 0;
  // the loss of any weights, once the search is over
  virtual double at(const std::vector<double>& weights, Pool& pool) = 0;
};

class Climb final : public Search {
 public:
  Climb(std::unique_ptr<Objective> objective, Options options)
      : objective_(std::move(objective)), options_(std::move(options)), weights_(objective_->members(), 0.0) {}

  bool advance(double seconds, Pool& pool) override {
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    if (members_.empty()) begin(pool);
    while (!over_ && std::chrono::steady_clock::now() < end) {
      round(pool);
      pool.poll();
    }
    if (over_ && !polished_) polish(pool);
    return over_;
  }

  const std::vector<double>& weights() const override { return weights_; }
  double loss() const override { return loss_; }
  const std::vector<int64_t>& members() const override { return members_; }
  const std::vector<double>& shares() const override { return shares_; }
  const std::vector<double>& losses() const override { return losses_; }
  double at(const std::vector<double>& weights, Pool& pool) override { return objective_->at(weights, pool); }

 private:
  static constexpr double kReopening = 1e-6;
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

  // The objective's own last move, told as steps: one to each member whose weight it changed.
  void polish(Pool& pool) {
    polished_ = true;
    if (!options_.replacement || !(loss_ > 0)) return;
    const auto better = objective_->polish(weights_, options_.allowed, pool);
    if (!better) return;
    // With steps to all members in turn, w' = c w + rest, where rest sums to 1 - c: c = 1 suits bounds on both sides of
    // zero, and where no share may be negative c is as large as leaves no rest negative.
    double kept = 1;
    if (options_.low == 0)
      for (size_t m = 0; m < weights_.size(); ++m)
        if (weights_[m] > 0) kept = std::min(kept, std::max(0.0, (*better)[m] / weights_[m]));
    std::vector<double> shares(weights_.size());
    double later = 1;  // the product of 1 - share over the steps after this one
    int64_t steps = 0;
    for (size_t m = weights_.size(); m-- > 0;) {
      shares[m] = ((*better)[m] - kept * weights_[m]) / later;
      later *= 1 - shares[m];
      steps += shares[m] != 0;
      if (!(shares[m] >= options_.low && shares[m] <= options_.high)) return objective_->restore(weights_);
    }
    if (static_cast<int64_t>(members_.size()) + steps > options_.max_rounds) return objective_->restore(weights_);
    objective_->restore(weights_);
    const double before = loss_;
    for (size_t m = 0; m < weights_.size(); ++m) {
      if (shares[m] == 0) continue;
      loss_ = objective_->take(static_cast<int>(m), shares[m]);
      for (double& weight : weights_) weight *= 1 - shares[m];
      weights_[m] += shares[m];
      record(static_cast<int>(m), shares[m]);
    }
    // a gain that large may have opened the way for single steps again
    if (before - loss_ > kReopening * before && static_cast<int64_t>(members_.size()) < options_.max_rounds) {
      over_ = polished_ = false;
      poor_rounds_ = 0;
    }
  }

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
  bool over_ = false, polished_ = false;
  std::vector<int64_t> members_;
  std::vector<double> shares_, losses_;
};

}  // namespace blend
