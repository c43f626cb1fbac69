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

// Memory for packed blocks, so that a series of products allocates it once.
class Workspace {
 public:
  Workspace() = default;
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  char* at_least(int64_t bytes);

 private:
  char* block_ = nullptr;
  int64_t size_ = 0;
};

// A right factor in the order that the innermost product reads it; good for any number of products. Lives in its
// workspace, whose next use ends it.
struct Packed {
  Products products;
  int64_t depth, columns;
  const char* data;
};
Packed pack(Products products, const Matrix& b, Workspace& workspace);

// c (a.rows x b.columns, rows `stride` apart) = a b, or += a b. a.columns = b.depth. Sums of products are in float32, in an
// order that does not depend on the number of threads. The workspace takes at most 0.5 MB a thread.
void multiply(const Matrix& a, const Packed& b, float* c, int64_t stride, bool accumulate, Workspace& workspace);

// The workspaces of `gemm`.
struct Workspaces {
  Workspace left, right;
};

// As multiply, for a right factor that is used once; it is packed 2,048 columns at a time.
void gemm(Products products, const Matrix& a, const Matrix& b, float* c, int64_t stride, bool accumulate,
          Workspaces& workspaces);

}  // namespace ctk
