// A small dense system, by elimination with the largest pivot of each column.
#pragma once

#include <cmath>
#include <utility>
#include <vector>

namespace blend {

// matrix (n, n) x = right; right becomes x. False where the matrix is singular or holds what is not finite.
inline bool solve(std::vector<double>& matrix, std::vector<double>& right) {
  const size_t n = right.size();
  for (size_t k = 0; k < n; ++k) {
    size_t pivot = k;
    for (size_t row = k + 1; row < n; ++row)
      if (std::abs(matrix[row * n + k]) > std::abs(matrix[pivot * n + k])) pivot = row;
    if (!(std::abs(matrix[pivot * n + k]) > 0)) return false;
    if (pivot != k) {
      for (size_t column = k; column < n; ++column) std::swap(matrix[pivot * n + column], matrix[k * n + column]);
      std::swap(right[pivot], right[k]);
    }
    for (size_t row = k + 1; row < n; ++row) {
      const double factor = matrix[row * n + k] / matrix[k * n + k];
      for (size_t column = k; column < n; ++column) matrix[row * n + column] -= factor * matrix[k * n + column];
      right[row] -= factor * right[k];
    }
  }
  for (size_t k = n; k-- > 0;) {
    for (size_t column = k + 1; column < n; ++column) right[k] -= matrix[k * n + column] * right[column];
    right[k] /= matrix[k * n + k];
    if (!std::isfinite(right[k])) return false;
  }
  return true;
}

}  // namespace blend
