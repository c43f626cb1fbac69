"""Samples as torch sees them: indexed by whole batches of rows."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from ctk.contract import Batch
from ctk.samples import Array, Samples
from ctk.training.rank_batches import RankBatch

PREDICT_ROWS = 4096
"""Rows predicted at a time."""
DRY_ROWS, DRY_PREDICT_ROWS = 16, 128
"""Rows of a batch in a dry run, and rows predicted at a time: it is to show on any machine what is wrong."""


class FeaturesDataset(Dataset[dict[str, Tensor]]):
    """Some features of samples, indexed by whole batches of row numbers or by slices.

    Memory-mapped arrays stay on disk, and a slice of one is a view.
    """

    def __init__(self, samples: Samples, names: Sequence[str]) -> None:
        self.values = {name: _tensor(samples.features[name]) for name in names}

    def __getitem__(self, rows: Tensor | slice) -> dict[str, Tensor]:
        return {name: values[rows] for name, values in self.values.items()}


class SamplesDataset(Dataset[Batch]):
    """Features and targets of samples, indexed by whole batches of row numbers."""

    def __init__(self, samples: Samples, names: Sequence[str]) -> None:
        assert samples.target is not None
        self.features = FeaturesDataset(samples, names)
        self.target = _tensor(samples.target)
        self.gallery = None if samples.gallery is None else _tensor(samples.gallery.vectors)

    def __getitem__(self, given: Tensor | RankBatch) -> Batch:
        rows, share, ranks = given if isinstance(given, RankBatch) else (given, 1.0, 1)
        target, ids = self.target[rows], None
        if self.gallery is not None:
            target, ids = self.gallery[target], target
        return Batch(self.features[rows], target, ids, share=share, ranks=ranks)


class SequentialSlices(Sampler[slice]):
    """Slices that cover every row once, in order, some thousands at a time.

    Each of several ranks has its part, ``own`` rows, in as many slices as the others. One for which no row is left has
    a row of another all the same, for a network to compute something with.
    """

    def __init__(self, rows: int, rank: int = 0, ranks: int = 1, at_once: int = PREDICT_ROWS) -> None:
        self.first = rows * rank // ranks
        self.own = rows * (rank + 1) // ranks - self.first
        self.slices = math.ceil(math.ceil(rows / ranks) / at_once)

    def __len__(self) -> int:
        return self.slices

    def __iter__(self) -> Iterator[slice]:
        if not self.own:
            return iter([slice(self.first, self.first + 1)] * self.slices)
        ends = [self.first + self.own * number // self.slices for number in range(self.slices + 1)]
        return (slice(start, end) for start, end in pairwise(ends))


def _tensor(values: Array) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(np.asarray(values))
