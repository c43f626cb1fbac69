"""Which samples go into which batch, decided by seed and epoch alone, so that a resumed fit sees the same batches."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Sampler

from ctk.samples import Array


class Batches(Sampler[Tensor]):
    """Batches of row numbers, (B,) int64. With ``groups`` every row of a group is in the same batch.

    Grouped batches hold ``size // round(mean rows a group)`` groups, so their size varies; the last, smaller batch is
    kept. (The rule of the AML competition's reference solution; see its plugin's README.)
    """

    def __init__(self, rows: int, size: int, seed: int, groups: Array | None = None) -> None:
        self.seed = seed
        self.epoch = 0
        if groups is None:
            self._members: list[Tensor] | None = None
            self._units, self._step = rows, size
            return
        _, numbers, counts = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
        by_group = np.split(np.argsort(numbers, kind="stable"), np.cumsum(counts)[:-1])
        self._members = [torch.from_numpy(members) for members in by_group]
        self._units = len(counts)
        self._step = max(1, size // max(1, round(float(counts.mean()))))

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-self._units // self._step)

    def __iter__(self) -> Iterator[Tensor]:
        order = torch.randperm(self._units, generator=torch.Generator().manual_seed(self.seed + self.epoch))
        for units in torch.split(order, self._step):
            yield units if self._members is None else torch.cat([self._members[unit] for unit in units.tolist()])
