// Which instruction sets this build has kernels for, and which of them runs here.
#pragma once

namespace ctk {

enum class Isa : int { plain = 0, avx2 = 1, avx512 = 2, avx512_bf16 = 3 };

// The best that the processor has, or less where the environment variable CTK_ISA (plain, avx2, avx512, avx512_bf16)
// asks for less; or what set_isa said. plain is the compiler's baseline: SSE2 on x86-64, NEON on ARM.
Isa isa();

// For tests, which run every kernel on one machine. Says what runs from now on: never more than the processor has.
Isa set_isa(int wanted);

const char* isa_name(Isa isa);

}  // namespace ctk
