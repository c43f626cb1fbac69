// Which instruction set runs, as an op: for ctk doctor, and for tests that go through all of them on one machine.
#include "isa.h"
#include "stable.h"

namespace ctk {

int64_t instruction_set(int64_t wanted) { return static_cast<int64_t>(wanted < 0 ? isa() : set_isa(static_cast<int>(wanted))); }

STABLE_TORCH_LIBRARY_IMPL(ctk, CompositeExplicitAutograd, m) { m.impl("instruction_set", TORCH_BOX(&instruction_set)); }

}  // namespace ctk
