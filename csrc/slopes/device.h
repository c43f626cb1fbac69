// The launches of a call, on a device or on its emulation.
#pragma once

#include "kernels.cuh"

namespace ctk::slopes {

// values and slopes (M, K).
template <class Device, class T>
void absolute_slopes(Device& device, const Problem<T>& problem, double* values, double* slopes) {
  const int64_t blocks = (problem.rows + kBlock<T> - 1) / kBlock<T>, places = problem.count * problem.places;
  double* parts = device.template buffer<double>(2 * places * blocks);
  device.launch(sum_rows<T>, blocks * problem.count, kThreads, problem, blocks, parts);
  device.launch(sum_parts<T>, places, kThreads, problem, blocks, static_cast<const double*>(parts), values, slopes);
}

}  // namespace ctk::slopes
