"""The hot paths timed beside their peers, in one process: what `ctk bench` runs.

One module an op has its cases (``info_nce_case`` ...); ``measure`` times any case, ``memory`` finds the
peak of its memory, ``tables`` keeps what was measured. The same cases in small are tests (tests/ops/test_bench.py).
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctk.bench.bench_case import BenchCase

OPS = {"info-nce": "ctk.bench.info_nce_case", "ranks": "ctk.bench.ranks_case", "blend": "ctk.bench.blend_case"}


def cases(op: str, device: str, small: bool = False) -> dict[str, Callable[[], BenchCase]]:
    """What is compared for an op on "cpu" or "cuda": builders by the case's name, for data is made when it is needed.

    small  sizes that take milliseconds; every contestant of the large ones is in one of them
    """
    builders: dict[str, Callable[[], BenchCase]] = import_module(OPS[op]).cases(device, small)
    return builders
