"""The instruction set that the CPU kernels run with: the best there is, or less where CTK_ISA names one of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ctk.ops import native
from ctk.ops.library import define

INSTRUCTION_SETS = ("plain", "avx2", "avx512", "avx512_bf16")
"""As csrc/common/isa.h; plain is the compiler's baseline, SSE2 on x86-64 and NEON on ARM."""

define("instruction_set(int wanted) -> int")


def instruction_set() -> str | None:
    """Name of the one in use; None where no CPU kernels are."""
    return _switch(-1)


@contextmanager
def at_most(name: str) -> Iterator[str | None]:
    """Run the block with no more than this one; gives what runs, which is less where the processor has less."""
    before = instruction_set()
    try:
        yield _switch(INSTRUCTION_SETS.index(name))
    finally:
        if before is not None:
            _switch(INSTRUCTION_SETS.index(before))


def _switch(wanted: int) -> str | None:
    if native.problem("cpu") is not None:
        return None
    return INSTRUCTION_SETS[torch.ops.ctk.instruction_set(wanted)]
