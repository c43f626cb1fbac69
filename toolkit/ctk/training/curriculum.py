"""From easy to hard: how hard each sample is, and how many of the easiest an epoch is of."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ctk.config.training_keys import Curriculum
from ctk.errors import UsageError, nearest
from ctk.samples import Array, Samples


@dataclass(frozen=True)
class LinearPacing:
    """What each epoch of a fit is made of.

    hardness  (N,) float64 of each row, NaN where it is not known: such are the hardest
    start     share of the units, rows or groups, that the first epoch is of
    growth    epochs over which that becomes all, in a line (linear pacing, Hacohen and Weinshall 2019,
              arXiv:1904.03626)
    """

    hardness: Array
    start: float
    growth: float

    @classmethod
    def of(cls, samples: Samples, curriculum: Curriculum, epochs: int) -> LinearPacing:
        """Sort samples as the config says, such that the last epoch is of all. Raises UsageError."""
        return cls(hardness_of(samples, curriculum), curriculum.start, min(curriculum.until * epochs, epochs - 1))

    def count(self, units: int, epoch: int) -> int:
        """Tell how many units an epoch, counted from 0, is of."""
        if epoch >= self.growth:
            return units
        return math.ceil(units * (self.start + (1 - self.start) * epoch / self.growth))

    def order(self, seed: int, groups: Array | None = None) -> Tensor:
        """Sort units, easiest first, (U,) int64; equally hard ones as the seed has them.

        groups  (N,) int64, numbers of the rows' groups from 0 on: a group is as hard as its rows are in the mean
        """
        hardness = self.hardness
        if groups is not None:
            known = ~np.isnan(hardness)
            rows = np.bincount(groups, known)
            total = np.bincount(groups, np.where(known, hardness, 0))
            hardness = np.divide(total, rows, out=np.full(len(rows), np.nan), where=rows > 0)
        drawn = torch.randperm(len(hardness), generator=torch.Generator().manual_seed(seed))
        return drawn[np.argsort(hardness[drawn.numpy()], kind="stable")]  # NaN comes last


def hardness_of(samples: Samples, curriculum: Curriculum) -> Array:
    """How hard each sample is, (N,) float64. Raises UsageError where the config names nothing of one number."""
    values = _target(samples, curriculum.column) if curriculum.by == "target" else _one_number(samples, curriculum.by)
    return values.astype(np.float64) * (1 if curriculum.easiest == "low" else -1)


def _target(samples: Samples, column: str | None) -> Array:
    if samples.gallery is not None or samples.target is None or samples.predicts_text:
        raise UsageError(
            "Config key 'curriculum.by' is target, and these samples' targets are no numbers.",
            "Name a group, or a feature of one number.",
        )
    table = samples.target.reshape(len(samples), -1)
    if column is None:
        return np.asarray(table.mean(axis=1, dtype=np.float64))
    names = [] if samples.targets is None else samples.targets.names.tolist()
    if column not in names:
        raise UsageError(
            f"Config key 'curriculum.column': the target has no column '{column}'.", nearest(column, names, "columns")
        )
    return np.asarray(table[:, names.index(column)])


def _one_number(samples: Samples, name: str) -> Array:
    if name in samples.groups:
        return samples.groups[name]
    if name not in samples.features:
        known = ["target", *samples.groups, *samples.features]
        raise UsageError(
            f"Config key 'curriculum.by': the samples have no group and no feature '{name}'.",
            nearest(name, known, "names"),
        )
    values = samples.features[name]
    if values.dtype.kind not in "biuf" or math.prod(values.shape[1:]) != 1:
        raise UsageError(
            f"Config key 'curriculum.by': the feature '{name}' is {values.dtype} of shape {values.shape}.",
            "One number a sample is needed.",
        )
    return np.asarray(values).reshape(len(samples))
