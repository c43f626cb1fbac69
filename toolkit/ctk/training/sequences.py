"""Rows as sequences: which rows are one, in which order, and how they are padded and taken apart again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ctk.config.training_keys import BatchSize
from ctk.samples import Array, Samples

MASK = "mask"
"""Among the features of a network: it reads sequences, and is given here which of their places are rows."""
TIME = "time"
"""The group by which sequences are ordered where the config names none."""


@dataclass(frozen=True)
class Sequences:
    """The rows of some samples as sequences: of each group its rows, in order. Groups may have one row, or many.

    rows    (N,) int64: numbers of the rows, one sequence after another
    ends    (S,) int64: where each sequence ends among them
    number  (N,) int64: of each of the samples' rows the sequence that it is of
    """

    rows: Array
    ends: Array
    number: Array

    @classmethod
    def of(cls, samples: Samples, batch: BatchSize) -> Sequences:
        """Sort the rows by their groups and within them. Raises UsageError for a group that the samples have not."""
        assert batch.by is not None
        _, number, counts = np.unique(samples.group(batch.by), return_inverse=True, return_counts=True)
        order = order_of(samples, batch)
        rows = np.lexsort((number,) if order is None else (order, number))
        return cls(rows, counts.cumsum(), number)

    def __len__(self) -> int:
        return len(self.ends)

    def mask(self, rows: Array | slice) -> Tensor:
        """Make the mask (S, L) bool of rows (B,) that are sequences one after another."""
        number = self.number[rows]
        starts = np.flatnonzero(np.diff(number, prepend=-1))
        lengths = torch.from_numpy(np.diff(starts, append=len(number)))
        return torch.arange(int(lengths.max())) < lengths[:, None]


def order_of(samples: Samples, batch: BatchSize) -> Array | None:
    """Return what rows of a sequence are sorted by, (N,) int64; None where they keep the samples' order."""
    if batch.order is not None:
        return samples.group(batch.order)
    return samples.groups.get(TIME)


def pad(rows: Tensor, mask: Tensor) -> Tensor:
    """Lay out rows (B, ...) as sequences (S, L, ...), zero where the mask is false. Nothing waits for a GPU."""
    row_of_place = (mask.flatten().cumsum(0) - 1).clamp(min=0)
    padded = rows.index_select(0, row_of_place).view(*mask.shape, *rows.shape[1:])
    return padded.masked_fill_(~mask.view(*mask.shape, *(1,) * (rows.ndim - 1)), 0)


def places(mask: Tensor, rows: int) -> Tensor:
    """Find the place in (S * L,) of each of so many rows, (rows,) int64. Nothing waits for a GPU."""
    return torch.searchsorted(mask.flatten().cumsum(0), torch.arange(1, rows + 1, device=mask.device))
