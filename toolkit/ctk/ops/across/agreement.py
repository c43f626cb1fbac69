"""What ranks tell each other before they begin: their rows, and whether all were asked for the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor

NUMBERS = 6
"""That each rank tells: whether its own arguments fit, rows of both sides, width, dtype, a digest of the options."""
DTYPES = (torch.float32, torch.bfloat16, torch.float16, torch.float64)


class RankRows(NamedTuple):
    """RankRows of every rank's queries and keys, and which rank this is."""

    queries: list[int]
    keys: list[int]
    rank: int


def agree(
    query: Tensor, key: Tensor, options: Mapping[str, Any], problem: str | None, group: dist.ProcessGroup
) -> RankRows:
    """Tell the others this rank's rows and hear theirs. ValueError on every rank where one's arguments do not fit.

    problem  what is wrong with this rank's own arguments
    """
    rank, size = group.rank(), group.size()
    own = [0] * NUMBERS
    if problem is None:
        text = repr(sorted(options.items()))
        digest = int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")
        own = [1, len(query), len(key), query.shape[1], DTYPES.index(query.dtype), digest]
    told = torch.zeros(size * NUMBERS, dtype=torch.int64, device=_place(query, group))
    dist.all_gather_into_tensor(told, told.new_tensor(own), group=group)
    every = told.view(size, NUMBERS).tolist()
    if problem is not None:
        raise ValueError(problem)
    for other, numbers in enumerate(every):
        if not numbers[0]:
            raise ValueError(f"rank {other} has arguments that do not fit; it says which")
        for name, at in (("D", 3), ("dtype", 4)):
            if numbers[at] != own[at]:
                there, here = (DTYPES[each[at]] if name == "dtype" else each[at] for each in (numbers, own))
                raise ValueError(f"{name} is {there} on rank {other} and {here} on rank {rank}")
        if numbers[5] != own[5]:
            raise ValueError(f"rank {other} and rank {rank} differ in one of {', '.join(options)}")
    return RankRows([numbers[1] for numbers in every], [numbers[2] for numbers in every], rank)


def _place(query: Any, group: dist.ProcessGroup) -> torch.device:
    """The processor where the group can talk from there, so that no GPU is waited for."""
    if "cpu:" in dist.get_backend_config(group) or not isinstance(query, Tensor):
        return torch.device("cpu")
    return query.device
