"""Samples as torch sees them: indexed by whole batches of rows."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from ctk.contract import Batch
from ctk.samples import Array, Samples

PREDICT_ROWS = 4096
"""Rows predicted at a time."""


class Features(Dataset[dict[str, Tensor]]):
    """Some features of samples, indexed by whole batches of row numbers or by slices.

    Memory-mapped arrays stay on disk, and a slice of one is a view.
    """

    def __init__(self, samples: Samples, names: Sequence[str]) -> None:
        self.values = {name: _tensor(samples.features[name]) for name in names}

    def __getitem__(self, rows: Tensor | slice) -> dict[str, Tensor]:
        return {name: values[rows] for name, values in self.values.items()}


class Rows(Dataset[Batch]):
    """Features and targets, indexed in the same way."""

    def __init__(self, samples: Samples, names: Sequence[str]) -> None:
        assert samples.target is not None
        self.features = Features(samples, names)
        self.target = _tensor(samples.target)
        self.gallery = None if samples.gallery is None else _tensor(samples.gallery.vectors)

    def __getitem__(self, rows: Tensor) -> Batch:
        target = self.target[rows]
        if self.gallery is None:
            return Batch(self.features[rows], target, None)
        return Batch(self.features[rows], self.gallery[target], target)


class InOrder(Sampler[slice]):
    """Every row once, in order, some thousands at a time."""

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return -(-self.rows // PREDICT_ROWS)

    def __iter__(self) -> Iterator[slice]:
        return (slice(at, min(at + PREDICT_ROWS, self.rows)) for at in range(0, self.rows, PREDICT_ROWS))


def _tensor(values: Array) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(np.asarray(values))
