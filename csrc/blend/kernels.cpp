#include "kernels.h"

// Before any target pragma: an inline library function compiled for AVX-512 could else be the one that the linker
// keeps for everybody.
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#define ALWAYS inline __attribute__((always_inline))
#define ALWAYS_LAMBDA __attribute__((always_inline))

#pragma GCC diagnostic ignored "-Wpsabi"  // vectors never cross a call: all that take them are inlined

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define BLEND_X86 1
#endif

namespace blend {

namespace plain {
#define WIDTH 16
#include "kernels.inl"
#undef WIDTH
}  // namespace plain

#ifdef BLEND_X86
#pragma GCC push_options
#pragma GCC target("avx2,fma")
namespace avx2 {
#define WIDTH 32
#include "kernels.inl"
#undef WIDTH
}  // namespace avx2
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")
namespace avx512 {
#define WIDTH 64
#include "kernels.inl"
#undef WIDTH
}  // namespace avx512
#pragma GCC pop_options
#endif

std::vector<const Kernels*> runnable() {
  static const Kernels plain_table = plain::table("plain");
  std::vector<const Kernels*> found = {&plain_table};
#ifdef BLEND_X86
  static const Kernels avx2_table = avx2::table("avx2"), avx512_table = avx512::table("avx512");
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    found.push_back(&avx2_table);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl"))
      found.push_back(&avx512_table);
  }
#endif
  return found;
}

namespace {
const Kernels*& chosen() {
  static const Kernels* set = runnable().back();
  return set;
}
}  // namespace

const Kernels& kernels() { return *chosen(); }
void use(const Kernels* set) { chosen() = set ? set : runnable().back(); }

template <>
const RowKernels<float>& row_kernels<float>() {
  return kernels().on_float;
}
template <>
const RowKernels<double>& row_kernels<double>() {
  return kernels().on_double;
}

}  // namespace blend
