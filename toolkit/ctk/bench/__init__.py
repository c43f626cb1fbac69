"""The hot paths timed beside their peers, in one process: what `ctk bench` runs.

One module an op has its cases (``info_nce``, ``ranks``, ``blend``); ``measure`` times any case, ``memory`` finds the
peak of its memory, ``results`` keeps the table. The same cases in small are tests (tests/ops/test_bench.py).
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctk.bench.case import Case

OPS = {"info-nce": "ctk.bench.info_nce", "ranks": "ctk.bench.ranks", "blend": "ctk.bench.blend"}


def cases(op: str, device: str, small: bool = False) -> dict[str, Callable[[], Case]]:
    """What is compared for an op on "cpu" or "cuda": builders by the case's name, for data is made when it is needed.

    small  sizes that take milliseconds; every contestant of the large ones is in one of them
    """
    builders: dict[str, Callable[[], Case]] = import_module(OPS[op]).cases(device, small)
    return builders
