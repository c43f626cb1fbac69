// The device that csrc/*/device.h runs on, on a processor: memory full of NaN that ends where reading further is a
// segmentation fault, kernels by simt.h, products by loops.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include "../../../csrc/common/matrix.h"
#include "../../../csrc/common/simt.cuh"

namespace emulation {

class Device {
 public:
  int launches = 0, products = 0;

  Device() = default;
  Device(const Device&) = delete;

  ~Device() {
    for (const auto& [start, bytes] : maps_) munmap(start, bytes);
  }

  template <class T>
  T* buffer(int64_t count) {
    const size_t page = sysconf(_SC_PAGESIZE), bytes = (count * sizeof(T) + 15) / 16 * 16;
    const size_t whole = (bytes + page - 1) / page * page + page;
    char* start = static_cast<char*>(mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (start == MAP_FAILED) throw std::bad_alloc();
    maps_.push_back({start, whole});
    mprotect(start + whole - page, page, PROT_NONE);
    std::memset(start, 0xff, whole - page);
    return reinterpret_cast<T*>(start + whole - page - bytes);
  }

  void zero(void* data, int64_t bytes) { std::memset(data, 0, bytes); }

  template <class... Parameters, class... Arguments>
  void launch(void (*kernel)(Parameters...), int64_t blocks, int threads, Arguments... arguments) {
    blockDim.x = threads;
    gridDim.x = blocks;
    for (int64_t block = 0; block < blocks; ++block) {
      blockIdx.x = block;
      block_.run(threads, [&] { kernel(arguments...); });
    }
    ++launches;
  }

  void gemm(const ctk::Matrix& a, const ctk::Matrix& b, float* c, int64_t stride, bool accumulate,
            const float* factors = nullptr) {
    const float alpha = factors ? factors[0] : 1, beta = factors ? factors[accumulate ? 1 : 2] : accumulate;
    for (int64_t i = 0; i < a.rows; ++i)
      for (int64_t j = 0; j < b.columns; ++j) {
        float sum = 0;
        for (int64_t k = 0; k < a.columns; ++k) sum += element(a, i, k) * element(b, k, j);
        float& to = c[i * stride + j];
        to = alpha * sum + (beta == 0 ? 0 : beta * to);
      }
    ++products;
  }

 private:
  static float element(const ctk::Matrix& matrix, int64_t row, int64_t column) {
    const int64_t at = row * matrix.row_stride + column * matrix.column_stride;
    switch (matrix.type) {
      case ctk::Element::float32: return static_cast<const float*>(matrix.data)[at];
      case ctk::Element::bfloat16: return ctk::widen(static_cast<const ctk::Bfloat16*>(matrix.data)[at]);
      case ctk::Element::float16: return ctk::widen(static_cast<const ctk::Float16*>(matrix.data)[at]);
    }
    return 0;
  }

  Block block_;
  std::vector<std::pair<char*, size_t>> maps_;
};

}  // namespace emulation
