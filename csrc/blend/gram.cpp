#include "gram.h"

#include <algorithm>
#include <cstring>

#include "kernels.h"

namespace blend {
namespace {

// Pairwise merging of means and sums of squares: Chan, Golub and LeVeque 1983. Deviations are taken from the column's
// first value, so that a constant column has a sum of squares of exactly zero.
struct Moment {
  double count = 0, mean = 0, squares = 0;

  void add(const Moment& other) {
    if (other.count == 0) return;
    const double all = count + other.count, apart = other.mean - mean;
    squares += other.squares + apart * apart * (count * other.count / all);
    mean += apart * (other.count / all);
    count = all;
  }
};

double at(const Matrix& matrix, int64_t index) {
  return matrix.is_double ? static_cast<const double*>(matrix.data)[index]
                          : static_cast<const float*>(matrix.data)[index];
}

// The tile that the kernel multiplies: (M up to a multiple of 4, vectors, lanes) residuals. It fits the first cache.
class Tile {
 public:
  Tile(const std::vector<Matrix>& members, const Matrix& target, const int64_t* order, int vectors)
      : members_(members), target_(target), order_(order), vectors_(vectors), lanes_(kernels().lanes) {
    padded_ = static_cast<int>((members.size() + 3) / 4 * 4);
    residuals_.assign(static_cast<size_t>(padded_) * vectors * lanes_, 0.0);
    targets_.resize(static_cast<size_t>(vectors) * lanes_);
  }

  int padded() const { return padded_; }
  int vectors() const { return vectors_; }
  const double* targets() const { return targets_.data(); }

  // rows first .. first + count of the order, and width (at most lanes) columns from column on
  void fill_columns(int64_t first, int count, int64_t column, int width) {
    fill(count, width, [&](const Matrix& from, int v) { return row(first + v) * from.row_stride + column; }, !order_);
  }

  // with T = 1 the lanes are rows: count vectors of them, the last of width rows
  void fill_rows(int64_t first, int count, int width) {
    const bool side_by_side = !order_ && std::all_of(members_.begin(), members_.end(), [](const Matrix& each) {
      return each.row_stride == 1;
    }) && target_.row_stride == 1;
    if (side_by_side) {
      fill(count, width, [&](const Matrix&, int v) { return first + static_cast<int64_t>(v) * lanes_; }, true);
      return;
    }
    gather(target_, first, count, width, nullptr, targets_.data());
    for (size_t m = 0; m < members_.size(); ++m) gather(members_[m], first, count, width, targets_.data(), slab(m));
  }

  void multiply(int count, double* sums) {
    if (count == vectors_) return kernels().gram(residuals_.data(), padded_, vectors_, sums);
    for (size_t m = 0; m < members_.size(); ++m)  // a short tile: the rest must add nothing
      std::fill(slab(m) + static_cast<ptrdiff_t>(count) * lanes_, slab(m + 1), 0.0);
    kernels().gram(residuals_.data(), padded_, vectors_, sums);
  }

 private:
  double* slab(size_t m) { return residuals_.data() + m * vectors_ * lanes_; }
  int64_t row(int64_t place) const { return order_ ? order_[place] : place; }

  template <class Start>
  void fill(int count, int width, const Start& start, bool regular) {
    pack(target_, start, count, width, regular, nullptr, targets_.data());
    for (size_t m = 0; m < members_.size(); ++m)
      pack(members_[m], start, count, width, regular, targets_.data(), slab(m));
  }

  template <class Start>
  void pack(const Matrix& from, const Start& start, int count, int width, bool regular, const double* target,
            double* tile) const {
    // whole vectors only where all lanes hold numbers: no read past the end
    const int whole = width == lanes_ ? count : 0;
    if (regular && whole > 1) {
      copy(from, start(from, 0), start(from, 1) - start(from, 0), whole, target, tile);
    } else {
      for (int v = 0; v < whole; ++v)
        copy(from, start(from, v), 0, 1, target ? target + v * lanes_ : nullptr, tile + v * lanes_);
    }
    for (int v = whole; v < count; ++v)
      for (int lane = 0; lane < lanes_; ++lane)
        tile[v * lanes_ + lane] =
            lane < width ? at(from, start(from, v) + lane) - (target ? target[v * lanes_ + lane] : 0.0) : 0.0;
  }

  void copy(const Matrix& from, int64_t start, ptrdiff_t stride, int count, const double* target, double* tile) const {
    if (from.is_double)
      kernels().pack_double(static_cast<const double*>(from.data) + start, stride, count, target, tile);
    else
      kernels().pack_float(static_cast<const float*>(from.data) + start, stride, count, target, tile);
  }

  void gather(const Matrix& from, int64_t first, int count, int width, const double* target, double* tile) const {
    const int numbers = (count - 1) * lanes_ + width;
    for (int i = 0; i < numbers; ++i)
      tile[i] = at(from, row(first + i) * from.row_stride) - (target ? target[i] : 0.0);
    std::fill(tile + numbers, tile + count * lanes_, 0.0);
  }

  const std::vector<Matrix>& members_;
  const Matrix& target_;
  const int64_t* order_;
  int vectors_, lanes_, padded_;
  std::vector<double> residuals_, targets_;
};

// Sums of the kernel's blocks, for one vector of columns.
int64_t sums_size(int padded) {
  int64_t blocks = 0;
  for (int first = 0; first < padded; first += kernels().rows) blocks += (padded - first / 4 * 4) / 4;
  return blocks * kernels().rows * 4 * kernels().lanes;
}

// Hands each sum over i <= j to give(i, j, lanes).
template <class Give>
void each_sum(const double* sums, int padded, int members, const Give& give) {
  const int rows = kernels().rows, lanes = kernels().lanes;
  for (int first = 0; first < padded; first += rows)
    for (int second = first / 4 * 4; second < padded; second += 4)
      for (int i = first; i < first + rows; ++i)
        for (int j = second; j < second + 4; ++j, sums += lanes)
          if (i <= j && j < members) give(i, j, sums);
}

struct Task {
  int64_t group, begin, end;  // places in the order
  std::vector<double> grams;  // (T, M, M) where a group is shared by several tasks
  std::vector<Moment> moments;
};

// With T = 1: lanes are rows.
void run_rows(Task& task, Tile& tile, int members, double origin, double* gram, Pool& pool) {
  const int lanes = kernels().lanes;
  std::vector<double> sums(sums_size(tile.padded()));
  Moment moment;
  for (int64_t first = task.begin; first < task.end;) {
    const int64_t left = task.end - first;
    const int count = left >= lanes ? static_cast<int>(std::min<int64_t>(left / lanes, tile.vectors())) : 1;
    const int width = static_cast<int>(std::min<int64_t>(left, lanes));
    tile.fill_rows(first, count, width);
    tile.multiply(count, sums.data());
    const int numbers = (count - 1) * lanes + width;
    Moment part;
    for (int i = 0; i < numbers; ++i) part.mean += tile.targets()[i] - origin;
    part.count = numbers;
    part.mean /= numbers;
    for (int i = 0; i < numbers; ++i) {
      const double apart = tile.targets()[i] - origin - part.mean;
      part.squares += apart * apart;
    }
    moment.add(part);
    first += numbers;
    pool.poll();
  }
  task.moments = {moment};
  each_sum(sums.data(), tile.padded(), members, [&](int i, int j, const double* lane) {
    double total = 0;
    for (int l = 0; l < lanes; ++l) total += lane[l];
    gram[i * members + j] = gram[j * members + i] = total;
  });
}

void run_columns(Task& task, Tile& tile, int members, int64_t columns, const std::vector<double>& origin, double* grams,
                 Pool& pool) {
  const int lanes = kernels().lanes;
  const int64_t size = sums_size(tile.padded()), strips = (columns + lanes - 1) / lanes;
  std::vector<double> sums(size * strips);
  std::vector<double> mean(lanes), squares(lanes);
  task.moments.resize(columns);
  for (int64_t first = task.begin; first < task.end; first += tile.vectors()) {
    const int count = static_cast<int>(std::min<int64_t>(task.end - first, tile.vectors()));
    for (int64_t strip = 0; strip < strips; ++strip) {
      const int64_t column = strip * lanes;
      const int width = static_cast<int>(std::min<int64_t>(columns - column, lanes));
      tile.fill_columns(first, count, column, width);
      tile.multiply(count, sums.data() + strip * size);
      const double* y = tile.targets();
      const double* zero = origin.data() + column;
      std::fill(mean.begin(), mean.end(), 0.0);
      std::fill(squares.begin(), squares.end(), 0.0);
      for (int row = 0; row < count; ++row)
        for (int lane = 0; lane < width; ++lane) mean[lane] += y[row * lanes + lane] - zero[lane];
      for (int lane = 0; lane < width; ++lane) mean[lane] /= count;
      for (int row = 0; row < count; ++row)
        for (int lane = 0; lane < width; ++lane) {
          const double apart = y[row * lanes + lane] - zero[lane] - mean[lane];
          squares[lane] += apart * apart;
        }
      for (int lane = 0; lane < width; ++lane)
        task.moments[column + lane].add({static_cast<double>(count), mean[lane], squares[lane]});
    }
    pool.poll();
  }
  for (int64_t strip = 0; strip < strips; ++strip)
    each_sum(sums.data() + strip * size, tile.padded(), members, [&](int i, int j, const double* lane) {
      for (int64_t l = 0; l < std::min<int64_t>(lanes, columns - strip * lanes); ++l) {
        double* gram = grams + (strip * lanes + l) * members * members;
        gram[i * members + j] = gram[j * members + i] = lane[l];
      }
    });
}

}  // namespace

Moments gram(const std::vector<Matrix>& members, const Matrix& target, int64_t columns, const int64_t* order,
             const std::vector<int64_t>& starts, double* grams, Pool& pool) {
  const int count = static_cast<int>(members.size());
  const int64_t groups = static_cast<int64_t>(starts.size()) - 1, size = columns * count * count;
  std::vector<double> origin(columns);
  for (int64_t column = 0; column < columns; ++column) origin[column] = at(target, column);

  // A group is divided only where there are fewer of them than threads; parts are added up in order, whoever ran them.
  const int64_t parts = groups >= 2 * pool.threads() ? 1 : pool.threads();
  std::vector<Task> tasks;
  for (int64_t group = 0; group < groups; ++group) {
    const int64_t begin = starts[group], rows = starts[group + 1] - begin;
    for (int64_t part = 0; part < parts; ++part)
      tasks.push_back({group, begin + rows * part / parts, begin + rows * (part + 1) / parts, {}, {}});
  }
  // T = 1: 32 vectors a tile are enough to pay for adding its sums up. T > 1: 16 rows of all members stay in the
  // second cache while the strips of their columns are taken.
  const int vectors = columns == 1 ? 32 : 16;
  pool.run(static_cast<int64_t>(tasks.size()), [&](int64_t number) {
    Task& task = tasks[number];
    double* out = grams + task.group * size;
    if (parts > 1) {
      task.grams.resize(size);
      out = task.grams.data();
    }
    Tile tile(members, target, order, vectors);
    if (columns == 1)
      run_rows(task, tile, count, origin[0], out, pool);
    else
      run_columns(task, tile, count, columns, origin, out, pool);
  });
  std::vector<Moment> moments(columns);
  if (parts > 1) std::fill(grams, grams + groups * size, 0.0);
  for (const Task& task : tasks) {
    if (parts > 1)
      for (int64_t i = 0; i < size; ++i) grams[task.group * size + i] += task.grams[i];
    for (int64_t column = 0; column < columns; ++column) moments[column].add(task.moments[column]);
  }
  Moments result;
  for (int64_t column = 0; column < columns; ++column) {
    result.mean.push_back(moments[column].mean + origin[column]);
    result.squares.push_back(moments[column].squares);
  }
  return result;
}

}  // namespace blend
