// ctk::absolute_slopes on a CUDA device. README.md has the algorithm.
#include <tuple>

#include "../common/cuda.h"
#include "arguments.h"
#include "device.h"

namespace ctk {

namespace {

std::tuple<Tensor, Tensor> absolute_slopes(const Tensor& blend, const Tensor& members, const Tensor& shares) {
  Device device(blend);
  const slopes::Arguments arguments(blend, members, shares);
  const auto results = arguments.results();
  double* values = pointer<double>(std::get<0>(results));
  double* slopes = pointer<double>(std::get<1>(results));
  if (arguments.single())
    slopes::absolute_slopes(device, arguments.problem<float>(), values, slopes);
  else
    slopes::absolute_slopes(device, arguments.problem<double>(), values, slopes);
  return results;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ctk, CUDA, m) { m.impl("absolute_slopes", TORCH_BOX(&absolute_slopes)); }

}  // namespace ctk
