"""How many logits are held at a time, and how many of them until backward."""

from __future__ import annotations

import math
from typing import NamedTuple

DEFAULT_LIMIT = {"cpu": 32 << 20, "cuda": 512 << 20}
SMALLEST_LIMIT = 1 << 16
TILE_BYTES = {"cpu": 8 << 20, "cuda": 256 << 20}
"""A tile on the CPU stays in the last cache between the passes over it; on a GPU it is large enough to fill it."""


class Tiling(NamedTuple):
    """Tiles of rows x columns of the B x K logits; the first ``kept`` of them stay until backward."""

    rows: int
    columns: int
    kept: int


def plan_tiling(queries: int, keys: int, memory_limit: int | None, device: str, learns: bool) -> Tiling:
    """Square tiles of equal size, of at most ``memory_limit`` bytes of float32 with what is kept for backward.

    Their rows are a multiple of eight long, so that every one begins where vector loads and cuBLAS want it.
    Raises ValueError for a limit below 64 kB.
    """
    queries, keys = int(queries), int(keys)  # under torch.compile a plan is of these sizes; others are compiled anew
    limit = DEFAULT_LIMIT.get(device, DEFAULT_LIMIT["cpu"]) if memory_limit is None else memory_limit
    if limit < SMALLEST_LIMIT:
        raise ValueError(f"memory_limit is at least {SMALLEST_LIMIT} bytes, not {limit}")
    most = min(limit, TILE_BYTES.get(device, TILE_BYTES["cpu"])) // 32 * 8
    rows = _equal(queries, math.isqrt(most))
    columns = math.ceil(_equal(keys, most // rows) / 8) * 8
    rows = _equal(queries, most // columns)
    number = math.ceil(queries / rows) * math.ceil(keys / columns)
    fitting = limit // (4 * rows * columns) - 1  # one is worked on
    return Tiling(rows, columns, min(number, max(0, fitting)) if learns else 0)


def _equal(length: int, most: int) -> int:
    """The size of the fewest equal parts of at most ``most``."""
    return max(1, math.ceil(length / math.ceil(length / max(1, most)))) if length else 1
