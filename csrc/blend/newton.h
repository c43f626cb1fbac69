// The least value of a convex curve on an interval: Newton's steps, kept inside a bracket that only shrinks.
#pragma once

#include <cmath>

#include "climb.h"
#include "kernels.h"

namespace blend {

// at(share) gives a Curve. Where the curve is not convex after all the best point seen is what is returned.
template <class At>
Candidate newton(const At& at, double low, double high) {
  constexpr int kIterations = 40;
  const double width = high - low;
  double share = 0;
  Curve here = at(share);
  Candidate best = {here.value, 0};
  if (here.slope == 0) return best;
  (here.slope < 0 ? low : high) = 0;
  for (int i = 0; i < kIterations; ++i) {
    double next = here.curvature > 0 ? share - here.slope / here.curvature : (here.slope < 0 ? high : low);
    if (i == 0) next = std::clamp(next, low, high);
    if (!(next >= low && next <= high)) next = (low + high) / 2;
    if (std::abs(next - share) <= 1e-12 * width) break;
    share = next;
    here = at(share);
    if (here.value < best.loss) best = {here.value, share};
    if (here.slope == 0) break;
    (here.slope < 0 ? low : high) = share;
    if (low >= high) break;
  }
  return best;
}

}  // namespace blend
