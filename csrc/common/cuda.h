// A CUDA device as torch has it: its current stream, its memory, its cuBLAS.
//
// cuBLAS is called by name and not through aten: the stable ABI has no way to give aten::addmm its numbers alpha and
// beta, and a 16-bit product that adds to a float32 matrix is one call here. libtorch_cuda brings the library along, so
// nothing is linked; the declarations are those of cublas_api.h, which compilers from pip lack.
#pragma once

#include <cuda_runtime.h>
#include <torch/csrc/inductor/aoti_torch/c/shim.h>
#include <torch/csrc/stable/accelerator.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "matrix.h"
#include "stable.h"

extern "C" {
int cublasGemmEx(void* handle, int transa, int transb, int m, int n, int k, const void* alpha, const void* a,
                 int a_type, int lda, const void* b, int b_type, int ldb, const void* beta, void* c, int c_type, int ldc,
                 int compute_type, int algorithm);
int cublasSetPointerMode_v2(void* handle, int mode);
}

namespace ctk {

inline void check(cudaError_t error) {
  if (error != cudaSuccess) throw std::runtime_error(std::string("ctk: CUDA: ") + cudaGetErrorString(error));
}

inline void check_cublas(int status) {
  if (status != 0) throw std::runtime_error("ctk: cuBLAS failed with status " + std::to_string(status));
}

// Current for as long as it lives; what it launches runs in torch's current stream. Its buffers are given back to
// torch's allocator with it, which hands them out again in the order of the stream.
class Device {
 public:
  explicit Device(const Tensor& like) : like_(like), guard_(like.get_device_index()) {
    const int32_t index = like.get_device_index();
    check(cudaSetDevice(index));  // our cudart is not torch's
    void* stream = nullptr;
    STABLE_TORCH_ERROR_CODE_CHECK(aoti_torch_get_current_cuda_stream(index, &stream));
    stream_ = static_cast<cudaStream_t>(stream);
  }

  template <class T>
  T* buffer(int64_t count) {
    if (count == 0) return nullptr;
    buffers_.push_back(empty(like_, {static_cast<int64_t>(count * sizeof(T))}, ScalarType::Byte));
    return pointer<T>(buffers_.back());
  }

  void zero(void* data, int64_t bytes) { check(cudaMemsetAsync(data, 0, bytes, stream_)); }

  template <class... Parameters, class... Arguments>
  void launch(void (*kernel)(Parameters...), int64_t blocks, int threads, Arguments... arguments) {
    if (blocks == 0) return;
    require(blocks <= std::numeric_limits<int>::max(), "too many rows for one launch");
    kernel<<<static_cast<unsigned>(blocks), threads, 0, stream_>>>(arguments...);
    check(cudaGetLastError());
  }

  // c (a.rows x b.columns, rows `stride` apart) = a b, or += a b, with float32 sums; a and b are of one type. With
  // `factors` on the device the product is multiplied by the first of them; the others are 1 and 0.
  void gemm(const Matrix& a, const Matrix& b, float* c, int64_t stride, bool accumulate,
            const float* factors = nullptr) {
    const float one = 1, none = 0;
    const void* alpha = factors ? factors : &one;
    const void* beta = factors ? factors + (accumulate ? 1 : 2) : accumulate ? &one : &none;
    if (a.columns == 0 && !accumulate) clear(c, sizeof(float), a.rows, b.columns, stride);
    product(a, b, cublas_type(a.type), c, kFloat, stride, kSumsOfFloat, alpha, beta, factors != nullptr);
  }

  // c (rows x columns, rows `stride` apart) = a b^T of float64 matrices with `depth` entries a row.
  void gemm_double(const double* a, int64_t rows, const double* b, int64_t columns, int64_t depth, double* c,
                   int64_t stride) {
    const double one = 1, none = 0;
    const Matrix left{a, {}, rows, depth, depth, 1}, right{b, {}, depth, columns, 1, depth};
    if (depth == 0) clear(c, sizeof(double), rows, columns, stride);
    product(left, right, kDouble, c, kDouble, stride, kSumsOfDouble, &one, &none, false);
  }

 protected:
  Tensor tensor(std::initializer_list<int64_t> size, ScalarType type) const { return empty(like_, size, type); }

 private:
  static constexpr int kFloat = 0, kDouble = 1, kHalf = 2, kBfloat16 = 14;  // cudaDataType
  static constexpr int kSumsOfFloat = 68, kSumsOfDouble = 70;                // cublasComputeType_t

  static int cublas_type(Element element) {
    return element == Element::float32 ? kFloat : element == Element::float16 ? kHalf : kBfloat16;
  }

  static int narrow(int64_t value) {
    require(value <= std::numeric_limits<int>::max(), "a matrix is too wide for cuBLAS");
    return static_cast<int>(value);
  }

  void clear(void* c, int64_t size, int64_t rows, int64_t columns, int64_t stride) {
    if (rows > 0 && columns > 0) check(cudaMemset2DAsync(c, stride * size, 0, columns * size, rows, stream_));
  }

  // cuBLAS counts columns first, so c transposed = b transposed x a transposed. A matrix whose rows are one after another
  // is its own transpose there.
  void product(const Matrix& a, const Matrix& b, int type, void* c, int c_type, int64_t stride, int sums,
               const void* alpha, const void* beta, bool on_device) {
    const int64_t rows = a.rows, columns = b.columns, depth = a.columns;
    if (rows == 0 || columns == 0 || depth == 0) return;
    void* handle = nullptr;
    STABLE_TORCH_ERROR_CODE_CHECK(torch_get_current_cuda_blas_handle(&handle));
    const bool plain_a = a.column_stride == 1, plain_b = b.column_stride == 1;
    const int64_t lda = std::max(plain_a ? a.row_stride : a.column_stride, plain_a ? depth : rows);
    const int64_t ldb = std::max(plain_b ? b.row_stride : b.column_stride, plain_b ? columns : depth);
    constexpr int kHost = 0, kOnDevice = 1, kDefaultAlgorithm = -1;
    if (on_device) check_cublas(cublasSetPointerMode_v2(handle, kOnDevice));
    const int status = cublasGemmEx(handle, !plain_b, !plain_a, narrow(columns), narrow(rows), narrow(depth), alpha,
                                    b.data, type, narrow(ldb), a.data, type, narrow(lda), beta, c, c_type,
                                    narrow(stride), sums, kDefaultAlgorithm);
    if (on_device) check_cublas(cublasSetPointerMode_v2(handle, kHost));
    check_cublas(status);
  }

  Tensor like_;
  torch::stable::accelerator::DeviceGuard guard_;
  cudaStream_t stream_ = nullptr;
  std::vector<Tensor> buffers_;
};

// Rows one after another in memory, as the kernels and cuBLAS want them; copied where they are not.
inline Tensor in_rows(const Tensor& tensor) {
  require(tensor.dim() == 2, "a matrix is needed");
  const bool good = (tensor.stride(1) == 1 || tensor.size(1) == 1) && tensor.stride(0) >= std::max<int64_t>(1, tensor.size(1));
  return good ? tensor : torch::stable::contiguous(tensor);
}

inline Matrix matrix_in_rows(const Tensor& tensor) {
  return {tensor.const_data_ptr(), element_of(tensor), tensor.size(0), tensor.size(1), tensor.stride(0), 1};
}

}  // namespace ctk
