// The slopes' device code on a processor, as C functions for ctypes.
#include "simt.h"

#include "../../../csrc/slopes/device.h"
#include "device.h"

namespace {

template <class T>
void absolute_slopes(const T* blend, const T* members, const double* shares, int64_t count, int64_t rows, int64_t places,
                     double* values, double* slopes) {
  emulation::Device device;
  const ctk::slopes::Problem<T> problem{blend, members, shares, count, rows, places, rows};
  ctk::slopes::absolute_slopes(device, problem, values, slopes);
}

}  // namespace

extern "C" void absolute_slopes_float(const float* blend, const float* members, const double* shares, int64_t count,
                                      int64_t rows, int64_t places, double* values, double* slopes) {
  absolute_slopes(blend, members, shares, count, rows, places, values, slopes);
}

extern "C" void absolute_slopes_double(const double* blend, const double* members, const double* shares, int64_t count,
                                       int64_t rows, int64_t places, double* values, double* slopes) {
  absolute_slopes(blend, members, shares, count, rows, places, values, slopes);
}
