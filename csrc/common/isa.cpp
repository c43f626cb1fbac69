#include "isa.h"

#include <atomic>
#include <cstdlib>
#include <cstring>

namespace ctk {
namespace {

constexpr const char* kNames[] = {"plain", "avx2", "avx512", "avx512_bf16"};

Isa processor() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return Isa::plain;
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (!avx512) return Isa::avx2;
  return __builtin_cpu_supports("avx512bf16") ? Isa::avx512_bf16 : Isa::avx512;
#else
  return Isa::plain;
#endif
}

Isa at_start() {
  const Isa best = processor();
  if (const char* asked = std::getenv("CTK_ISA")) {
    for (int each = 0; each < static_cast<int>(best); ++each)
      if (std::strcmp(asked, kNames[each]) == 0) return static_cast<Isa>(each);
  }
  return best;
}

std::atomic<int>& current() {
  static std::atomic<int> value{static_cast<int>(at_start())};
  return value;
}

}  // namespace

Isa isa() { return static_cast<Isa>(current().load(std::memory_order_relaxed)); }

Isa set_isa(int wanted) {
  const int best = static_cast<int>(processor());
  current().store(wanted < 0 ? 0 : wanted < best ? wanted : best);
  return isa();
}

const char* isa_name(Isa isa) { return kNames[static_cast<int>(isa)]; }

}  // namespace ctk
