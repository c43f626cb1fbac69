// Objectives that jump: their shares come from a grid of whole multiples of a step.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <vector>

#include "climb.h"

namespace blend {

// Multiples first .. last of step that lie in the bounds; a little room, because 0.5 / 0.01 is not always 50.
struct Grid {
  double step;
  int64_t first, last;

  Grid(double step, double low, double high)
      : step(step),
        first(static_cast<int64_t>(std::ceil(low / step - 1e-9))),
        last(static_cast<int64_t>(std::floor(high / step + 1e-9))) {}

  int64_t size() const { return last - first + 1; }
  double share(int64_t place) const { return static_cast<double>(first + place) * step; }
};

// Members' numbers in double, the blend's beside them. A copy, but these metrics are never bound by memory.
class GridObjective : public Objective {
 public:
  GridObjective(const double* numbers, int members, int64_t size)
      : numbers_(numbers), members_(members), size_(size), blend_(size) {}

  int members() const override { return members_; }
  bool heavy() const override { return size_ >= 2048; }
  void begin(int m) override { std::copy_n(member(m), size_, blend_.begin()); }
  double alone(int m) const override { return loss(member(m)); }

  double take(int m, double share) override {
    for (int64_t i = 0; i < size_; ++i) blend_[i] += share * (member(m)[i] - blend_[i]);
    return loss(blend_.data());
  }

  void restore(const std::vector<double>& weights) override {
    std::fill(blend_.begin(), blend_.end(), 0.0);
    for (int m = 0; m < members_; ++m)
      if (weights[m] != 0)
        for (int64_t i = 0; i < size_; ++i) blend_[i] += weights[m] * member(m)[i];
  }

  double at(const std::vector<double>& weights, Pool&, int64_t) override {
    restore(weights);
    return loss(blend_.data());
  }

 protected:
  virtual double loss(const double* numbers) const = 0;
  const double* member(int m) const { return numbers_ + m * size_; }

  const double* numbers_;
  int members_;
  int64_t size_;
  std::vector<double> blend_;
};

// Rows that are wrong. A row is right for an interval of shares, so one pass that marks the intervals' ends on the grid
// counts for all shares at once.
class Accuracy final : public GridObjective {
 public:
  // margins (members, rows, rivals): how far the right answer is ahead of each rival. strict (rows, rivals): whether a
  // draw is lost.
  Accuracy(const double* margins, const uint8_t* strict, int members, int64_t rows, int64_t rivals, double step)
      : GridObjective(margins, members, rows * rivals), strict_(strict), rows_(rows), rivals_(rivals), step_(step) {}

  Candidate search(int m, double low, double high, double) const override {
    const Grid grid(step_, low, high);
    std::vector<int64_t> ends(grid.size() + 1, 0);
    const double* e = blend_.data();
    const double* x = member(m);
    for (int64_t row = 0; row < rows_; ++row) {
      int64_t from = 0, to = grid.size();  // right for places from .. to - 1
      for (int64_t i = row * rivals_; i < (row + 1) * rivals_ && from < to; ++i) {
        const double d = x[i] - e[i];
        if (d == 0) {
          if (!ahead(e[i], i)) to = from;
          continue;
        }
        // the first place past the crossing, found by division and then moved to where the sum itself turns
        int64_t place = std::clamp<int64_t>(
            static_cast<int64_t>(std::ceil(std::clamp(-e[i] / d / step_, -1e15, 1e15))) - grid.first, 0, grid.size());
        const auto right = [&](int64_t at) { return ahead(e[i] + grid.share(at) * d, i); };
        if (d > 0) {
          while (place > 0 && right(place - 1)) --place;
          while (place < grid.size() && !right(place)) ++place;
          from = std::max(from, place);
        } else {
          while (place > 0 && !right(place - 1)) --place;
          while (place < grid.size() && right(place)) ++place;
          to = std::min(to, place);
        }
      }
      if (from < to) {
        ++ends[from];
        --ends[to];
      }
    }
    int64_t right = 0;
    Candidate best;
    for (int64_t place = 0; place < grid.size(); ++place) {
      right += ends[place];
      const double wrong = static_cast<double>(rows_ - right), share = grid.share(place);
      if (wrong < best.loss || (wrong == best.loss && std::abs(share) < std::abs(best.share))) best = {wrong, share};
    }
    return best;
  }

 protected:
  double loss(const double* numbers) const override {
    int64_t wrong = 0;
    for (int64_t row = 0; row < rows_; ++row) {
      bool right = true;
      for (int64_t i = row * rivals_; i < (row + 1) * rivals_; ++i) right &= ahead(numbers[i], i);
      wrong += !right;
    }
    return static_cast<double>(wrong);
  }

 private:
  bool ahead(double margin, int64_t i) const { return strict_[i] ? margin > 0 : margin >= 0; }

  const uint8_t* strict_;
  int64_t rows_, rivals_;
  double step_;
};

// 1 - area under the ROC curve, ties counted half, meaned over columns: one sort for a share, so the grid is gone over
// coarsely first.
class Auc final : public GridObjective {
 public:
  // scores (members, columns, rows), labels (columns, rows)
  Auc(const double* scores, const uint8_t* labels, int members, int64_t columns, int64_t rows, double step)
      : GridObjective(scores, members, columns * rows), labels_(labels), columns_(columns), rows_(rows), step_(step) {}

  Candidate search(int m, double low, double high, double) const override {
    const Grid grid(step_, low, high);
    std::vector<double> mixed(size_);
    Candidate best;
    int64_t at = 0;
    const auto try_place = [&](int64_t place) {
      if (place < 0 || place >= grid.size() || grid.share(place) == 0) return;
      const double share = grid.share(place);
      for (int64_t i = 0; i < size_; ++i) mixed[i] = blend_[i] + share * (member(m)[i] - blend_[i]);
      const double found = loss(mixed.data());
      if (found < best.loss || (found == best.loss && std::abs(share) < std::abs(best.share))) {
        best = {found, share};
        at = place;
      }
    };
    int64_t stride = 1;
    while (stride * 2 <= grid.size() / 8) stride *= 2;
    for (int64_t place = 0; place < grid.size(); place += stride) try_place(place);
    while (stride > 1) {
      stride /= 2;
      const int64_t middle = at;
      try_place(middle - stride);
      try_place(middle + stride);
    }
    return best;
  }

 protected:
  double loss(const double* numbers) const override {
    double total = 0;
    for (int64_t column = 0; column < columns_; ++column)
      total += 1 - area(numbers + column * rows_, labels_ + column * rows_);
    return total / static_cast<double>(columns_);
  }

 private:
  // Mann and Whitney 1947, from ranks by radix sort: 11 bits at a time, and passes in which all digits agree left out.
  double area(const double* scores, const uint8_t* labels) const {
    struct Entry {
      uint64_t key;
      uint64_t label;
    };
    constexpr int kBits = 11, kPasses = 6;
    std::vector<Entry> entries(rows_), other(rows_);
    std::vector<std::array<int64_t, 1 << kBits>> counts(kPasses);
    for (auto& each : counts) each.fill(0);
    for (int64_t i = 0; i < rows_; ++i) {
      const auto bits = std::bit_cast<uint64_t>(scores[i] + 0.0);  // -0 and 0 tie
      const uint64_t key = bits >> 63 ? ~bits : bits | (uint64_t{1} << 63);
      entries[i] = {key, labels[i]};
      for (int pass = 0; pass < kPasses; ++pass) ++counts[pass][key >> (pass * kBits) & ((1 << kBits) - 1)];
    }
    for (int pass = 0; pass < kPasses; ++pass) {
      auto& count = counts[pass];
      if (count[entries[0].key >> (pass * kBits) & ((1 << kBits) - 1)] == rows_) continue;
      int64_t start = 0;
      for (int64_t& each : count) start += std::exchange(each, start);
      for (const Entry& entry : entries) other[count[entry.key >> (pass * kBits) & ((1 << kBits) - 1)]++] = entry;
      entries.swap(other);
    }
    double below = 0, wins = 0, positives = 0;  // wins of positives over negatives, a tie half
    for (int64_t i = 0; i < rows_;) {
      double ties[2] = {0, 0};
      const uint64_t key = entries[i].key;
      for (; i < rows_ && entries[i].key == key; ++i) ++ties[entries[i].label];
      wins += ties[1] * (below + ties[0] / 2);
      below += ties[0];
      positives += ties[1];
    }
    return wins / (positives * below);
  }

  const uint8_t* labels_;
  int64_t columns_, rows_;
  double step_;
};

}  // namespace blend
