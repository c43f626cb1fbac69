// What the ops need of torch, through its stable ABI (https://pytorch.org/docs/stable/notes/libtorch_stable_abi.html).
#pragma once

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/core/ScalarType.h>

#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>

#include "matrix.h"

namespace ctk {

using torch::headeronly::ScalarType;
using torch::stable::Tensor;

// Users are told in Python, before an op is called, what is wrong; this is for those who call torch.ops.ctk themselves.
inline void require(bool good, const char* what) {
  if (!good) throw std::invalid_argument(std::string("ctk: ") + what);
}

inline Element element_of(const Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case ScalarType::Float: return Element::float32;
    case ScalarType::BFloat16: return Element::bfloat16;
    case ScalarType::Half: return Element::float16;
    default: throw std::invalid_argument("ctk: float32, bfloat16 or float16 is needed");
  }
}

inline Matrix matrix(const Tensor& tensor) {
  require(tensor.dim() == 2, "a matrix is needed");
  return {tensor.const_data_ptr(), element_of(tensor), tensor.size(0), tensor.size(1), tensor.stride(0), tensor.stride(1)};
}

inline Tensor empty(const Tensor& like, std::initializer_list<int64_t> size, ScalarType type) {
  return torch::stable::new_empty(like, size, type);
}

template <class T>
T* pointer(const Tensor& tensor) {
  return static_cast<T*>(tensor.mutable_data_ptr());
}

// Rows one after another, copied only where they are not already. (Named apart from torch::stable::contiguous, which
// argument-dependent lookup would find as well.)
inline Tensor packed(const Tensor& tensor) {
  return tensor.is_contiguous() ? tensor : torch::stable::contiguous(tensor);
}

}  // namespace ctk
