"""Samples as torch sees them: indexed by whole batches of row numbers."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from ctk.contract import Batch
from ctk.samples import Array, Samples

PREDICT_ROWS = 4096
"""Rows predicted at a time."""


class Rows(Dataset[Batch]):
    """Samples indexed by whole batches of row numbers; memory-mapped arrays stay on disk."""

    def __init__(self, samples: Samples) -> None:
        self.features = {name: _tensor(values) for name, values in samples.features.items()}
        self.target = None if samples.target is None else _tensor(samples.target)
        self.gallery = None if samples.gallery is None else _tensor(samples.gallery.vectors)

    def features_of(self, rows: Tensor) -> dict[str, Tensor]:
        return {name: values[rows] for name, values in self.features.items()}

    def __getitem__(self, rows: Tensor) -> Batch:
        assert self.target is not None
        target = self.target[rows]
        if self.gallery is None:
            return Batch(self.features_of(rows), target, None)
        return Batch(self.features_of(rows), self.gallery[target], target)


class InOrder(Sampler[Tensor]):
    """Every row once, in order, some thousands at a time."""

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return -(-self.rows // PREDICT_ROWS)

    def __iter__(self) -> Iterator[Tensor]:
        return iter(torch.split(torch.arange(self.rows), PREDICT_ROWS))


def _tensor(values: Array) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(np.asarray(values))
