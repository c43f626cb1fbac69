// The climb's device code on a processor, as a C function for ctypes.
#include "simt.h"

#include "../../../csrc/climb/device.h"
#include "device.h"

extern "C" void share_counts(const float* scores, const float* targets, const float* weights, const float* shares,
                             int64_t members, int64_t rows, int64_t columns, int64_t positives, int64_t grid_size,
                             int32_t* counts) {
  emulation::Device device;
  const ctk::climb::Tile tile{scores, targets, weights, members, rows, columns, positives, rows * columns, columns};
  ctk::climb::share_counts(device, tile, shares, static_cast<int32_t>(grid_size), counts);
}
