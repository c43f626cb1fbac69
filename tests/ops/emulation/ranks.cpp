// The ranking ops' device code on a processor, as C functions for ctypes.
#include "simt.h"

#include <algorithm>
#include <functional>

#include "../../../csrc/ranks/device.h"
#include "device.h"

using ctk::Element;
using ctk::Matrix;
using namespace ctk::ranks;

namespace {

class RanksDevice : public emulation::Device {
 public:
  struct Keys {
    int64_t *all, *best;
    int64_t rows, stride, k;
  };

  Keys keys(int64_t rows, int64_t stride, int64_t k) {
    return {buffer<int64_t>(rows * stride), buffer<int64_t>(rows * k), rows, stride, k};
  }

  void top(const Keys& keys) {
    for (int64_t row = 0; row < keys.rows; ++row) {
      std::vector<int64_t> line(keys.all + row * keys.stride, keys.all + (row + 1) * keys.stride);
      std::sort(line.begin(), line.end(), std::greater<int64_t>());
      std::copy_n(line.begin(), keys.k, keys.best + row * keys.k);
    }
  }

  void gemm_double(const double* a, int64_t rows, const double* b, int64_t columns, int64_t depth, double* c,
                   int64_t stride) {
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j) {
        double sum = 0;
        for (int64_t k = 0; k < depth; ++k) sum += a[i * depth + k] * b[j * depth + k];
        c[i * stride + j] = sum;
      }
  }
};

template <class Run>
void for_type(int type, const Run& run) {
  switch (Element(type)) {
    case Element::float32: return run.template operator()<float>();
    case Element::bfloat16: return run.template operator()<ctk::Bfloat16>();
    case Element::float16: return run.template operator()<ctk::Float16>();
  }
}

Matrix matrix(const void* data, int64_t rows, int64_t width, int type) {
  return {data, Element(type), rows, width, width, 1};
}

}  // namespace

extern "C" void rank_counts(const void* query, int64_t queries, const void* gallery, int64_t entries, int64_t width,
                            int type, const int64_t* order, const int64_t* starts, const int64_t* ends,
                            const int64_t* classes, int64_t tile_rows, int64_t tile_columns, int64_t* greater,
                            int64_t* equal) {
  RanksDevice device;
  for_type(type, [&]<class T>() {
    rank_counts<T>(device, matrix(query, queries, width, type), matrix(gallery, entries, width, type),
                   {order, starts, ends, classes}, greater, equal, {tile_rows, tile_columns});
  });
}

extern "C" void top_scores(const void* query, int64_t queries, const void* gallery, int64_t entries, int64_t width,
                           int type, int64_t k, int64_t tile_rows, int64_t tile_columns, float* values, int64_t* rows) {
  RanksDevice device;
  for_type(type, [&]<class T>() {
    top_scores<T>(device, matrix(query, queries, width, type), matrix(gallery, entries, width, type), k, values, rows,
                  {tile_rows, tile_columns});
  });
}
