// ctk::absolute_slopes on the CPU. README.md has the algorithm.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <tuple>

#include "../common/isa.h"
#include "../common/parallel.h"
#include "../common/stable.h"
#include "arguments.h"

#define CTK_KERNELS "../slopes/kernels.inl"
#include "../common/each_isa.h"

namespace ctk {

namespace {

// Rows that one thread takes of one member: with those of the blend they fit a first-level cache, where all shares find
// them. Not a number of threads but this decides what is added to what.
constexpr int64_t kBlock = 4096;

template <class T, class SumRows>
void sum_all(const slopes::Problem<T>& problem, SumRows sum_rows, const Tensor& like, double* values, double* slopes) {
  const int64_t blocks = (problem.rows + kBlock - 1) / kBlock, places = problem.count * problem.places;
  const Tensor parts = empty(like, {std::max<int64_t>(1, blocks), places, 2}, ScalarType::Double);
  double* sums = pointer<double>(parts);
  if (blocks == 0) std::fill(sums, sums + 2 * places, 0.0);
  constexpr int64_t grain = 16;  // some 40 us of 16 shares with AVX-512: below that a second thread costs what it saves
  const auto work = [&](int64_t first, int64_t last, int) {
    for (int64_t each = first; each < last; ++each) {
      const int64_t block = each / problem.count, m = each % problem.count, row = block * kBlock;
      double* part = sums + (block * places + m * problem.places) * 2;
      sum_rows(problem, m, row, std::min(kBlock, problem.rows - row), part);
    }
  };
  parallel(0, blocks * problem.count, work, grain);
  for (int64_t block = 1; block < blocks; ++block)
    for (int64_t i = 0; i < 2 * places; ++i) sums[i] += sums[block * 2 * places + i];
  for (int64_t place = 0; place < places; ++place) {
    const bool known = problem.known(place, sums[2 * place]);
    values[place] = known ? sums[2 * place] : std::numeric_limits<double>::quiet_NaN();
    slopes[place] = known ? sums[2 * place + 1] : std::numeric_limits<double>::quiet_NaN();
  }
}

std::tuple<Tensor, Tensor> absolute_slopes(const Tensor& blend, const Tensor& members, const Tensor& shares) {
  const slopes::Arguments arguments(blend, members, shares);
  const auto results = arguments.results();
  double* values = pointer<double>(std::get<0>(results));
  double* slopes = pointer<double>(std::get<1>(results));
  if (arguments.single())
    sum_all(arguments.problem<float>(), PICK(isa(), sum_rows_float), blend, values, slopes);
  else
    sum_all(arguments.problem<double>(), PICK(isa(), sum_rows_double), blend, values, slopes);
  return results;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ctk, CPU, m) { m.impl("absolute_slopes", TORCH_BOX(&absolute_slopes)); }

}  // namespace ctk
