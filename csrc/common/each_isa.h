// Compiles one file of kernels once for every instruction set. Use:
//
//     #include <everything the kernels use from outside>
//     #define CTK_KERNELS "../ranks/kernels.inl"
//     #include "../common/each_isa.h"
//
// The file then exists in the namespaces ctk::plain, ctk::avx2 and ctk::avx512 (and ctk::avx512_bf16 where bfloat16 dot
// instructions change it), and PICK(isa, name) gives the function of that name. Standard headers have to be included
// before: an inline function of theirs that was first compiled under a pragma below could be the copy that the linker
// keeps for everyone, and end an older machine with an illegal instruction. No include guard: one use a translation unit.

#define CTK_NAMESPACE plain
#if defined(__aarch64__)
#define CTK_VECTORS 4  // of 32 registers
#else
#define CTK_VECTORS 2  // of 16 registers
#endif
#define CTK_BYTES 16
#include "vec.inl"
#include CTK_KERNELS
#undef CTK_NAMESPACE
#undef CTK_VECTORS
#undef CTK_BYTES

#if defined(__x86_64__)

#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c,bmi,bmi2,popcnt")
#define CTK_NAMESPACE avx2
#define CTK_VECTORS 2
#define CTK_BYTES 32
#include "vec.inl"
#include CTK_KERNELS
#undef CTK_NAMESPACE
#undef CTK_VECTORS
#undef CTK_BYTES
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c,bmi,bmi2,popcnt,prefer-vector-width=512")
#define CTK_NAMESPACE avx512
#define CTK_VECTORS 4
#define CTK_BYTES 64
#include "vec.inl"
#include CTK_KERNELS
#undef CTK_NAMESPACE
#undef CTK_VECTORS
#undef CTK_BYTES
#pragma GCC pop_options

#define PICK(isa, name)                   \
  ((isa) == ::ctk::Isa::plain  ? plain::name \
   : (isa) == ::ctk::Isa::avx2 ? avx2::name  \
                               : avx512::name)
#else
#define PICK(isa, name) ((void)(isa), plain::name)
#endif
