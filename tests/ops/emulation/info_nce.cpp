// InfoNCE's device code on a processor, as C functions for ctypes.
#include "simt.h"

#include "../../../csrc/info_nce/device.h"
#include "device.h"

using ctk::Element;
using ctk::Matrix;
using namespace ctk::info_nce;

namespace {

Problem problem(const void* query, int64_t queries, const void* key, int64_t keys, int64_t width, int type,
                const float* scale, const int32_t* query_classes, const int32_t* key_classes, int64_t tile_rows,
                int64_t tile_columns) {
  return {Matrix{query, Element(type), queries, width, width, 1},
          Matrix{key, Element(type), keys, width, width, 1},
          scale,
          query_classes,
          key_classes,
          tile_rows,
          tile_columns};
}

}  // namespace

// Returns how many kernels and products ran.
extern "C" int info_nce(const void* query, int64_t queries, const void* key, int64_t keys, int64_t width, int type,
                        const float* scale, const int32_t* query_classes, const int32_t* key_classes,
                        int64_t tile_rows, int64_t tile_columns, double smoothing, bool both, int64_t kept, float* tiles,
                        float* loss, float* query_saved, float* key_saved) {
  emulation::Device device;
  forward(device,
          problem(query, queries, key, keys, width, type, scale, query_classes, key_classes, tile_rows, tile_columns),
          smoothing, both, kept, tiles, loss, query_saved, key_saved);
  return device.launches + device.products;
}

extern "C" int info_nce_backward(const void* query, int64_t queries, const void* key, int64_t keys, int64_t width,
                                 int type, const float* scale, const int32_t* query_classes,
                                 const int32_t* key_classes, int64_t tile_rows, int64_t tile_columns, bool both,
                                 int64_t kept, float* tiles, const float* query_saved, const float* key_saved,
                                 const float* gradient, float* of_query, float* of_key, float* of_scale) {
  emulation::Device device;
  const Problem of =
      problem(query, queries, key, keys, width, type, scale, query_classes, key_classes, tile_rows, tile_columns);
  const Gradients to{of_query, of_key, of_scale};
  const auto run = [&]<class Narrow>() {
    backward<Narrow>(device, of, of.query.type, gradient, query_saved, key_saved, both, kept, tiles, to);
  };
  switch (of.query.type) {
    case Element::float32: run.template operator()<float>(); break;
    case Element::bfloat16: run.template operator()<ctk::Bfloat16>(); break;
    case Element::float16: run.template operator()<ctk::Float16>(); break;
  }
  return device.launches + device.products;
}
