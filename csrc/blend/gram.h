// One pass over predictions and target: Gram matrices of the residuals, and each column's mean and sum of squares.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "../common/pool.h"

namespace blend {

using ctk::Pool;

// N x T numbers, float or double. Numbers of a row lie side by side where T > 1; strides count numbers.
struct Matrix {
  const void* data;
  bool is_double;
  ptrdiff_t row_stride;
};

struct Moments {
  std::vector<double> mean, squares;  // (T,): mean, and sum of (y - mean)^2 over all rows
};

// grams (groups, T, M, M): sums over a group's rows of (member i - target) (member j - target), in double.
// order (N,) lists the rows group by group, null where they are in order already; starts (groups + 1,) divides it.
Moments gram(const std::vector<Matrix>& members, const Matrix& target, int64_t columns, const int64_t* order,
             const std::vector<int64_t>& starts, double* grams, Pool& pool);

}  // namespace blend
