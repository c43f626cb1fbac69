// Matrix products on torch's threads, for float32, bfloat16 and float16 operands with float32 results.
#pragma once

#include <cstdint>
#include <memory>

#include "matrix.h"

namespace ctk {

// Products are of float32, or of bfloat16 (rounded to it where an operand is not) by the processor's dot instructions.
enum class Products : int { float32, bfloat16 };

// bfloat16 only where the processor has instructions for it.
Products products_for(Element element);
bool has_bfloat16_products();

// What a series of products writes its packed blocks to, so that they are allocated once: at most about 5 MB, and
// 0.5 MB a thread.
class Workspace {
 public:
  Workspace() = default;
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  char* shared(int64_t bytes) { return grow(shared_, shared_size_, bytes); }

 private:
  static char* grow(char*& block, int64_t& size, int64_t bytes);
  char* shared_ = nullptr;
  int64_t shared_size_ = 0;
};

// c (a.rows x b.columns, rows `stride` apart) = a b, or += a b. a.columns = b.rows. Sums of products are in float32, in an
// order that does not depend on the number of threads.
void gemm(Products products, const Matrix& a, const Matrix& b, float* c, int64_t stride, bool accumulate,
          Workspace& workspace);

}  // namespace ctk
