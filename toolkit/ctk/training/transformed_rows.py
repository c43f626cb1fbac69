"""Some rows of a fit's first batch, as they were and as its transforms made them, for people to look at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ctk.contract import Batch
from ctk.samples import Samples, Targets
from ctk.training.datasets import texts_of
from ctk.training.sequences import MASK

if TYPE_CHECKING:
    from torch import Tensor

ROWS = 6
"""So many rows are kept."""
FOLDER = "transformed"
"""In a stage's folder; below it ``before`` and ``after``."""


def first_rows(batch: Batch) -> Batch:
    """Copy the first rows of a batch, which transforms may write to."""
    features = {name: values[:ROWS].clone() for name, values in batch.features.items() if name != MASK}
    return batch._replace(features=features, target=batch.target[:ROWS].clone())


def save_rows(before: Batch, after: Batch, targets: Targets | None, text: bool, folder: Path) -> None:
    """Write the rows of both as samples, numbered from 0; ``text`` says whether their target is code points."""
    for name, batch in (("before", before), ("after", after)):
        target = texts_of(_array(batch.target)) if text else _array(batch.target)
        named = targets if targets is not None and len(targets) == target.shape[1] else None
        features: Mapping[str, np.ndarray] = {name: _array(values) for name, values in batch.features.items()}
        Samples(np.arange(len(target)), features, target, targets=named).save(folder / FOLDER / name)


def read_rows(folder: Path) -> tuple[Samples, Samples]:
    """Read the rows before and after. Raises DamagedError."""
    return Samples.open(folder / "before"), Samples.open(folder / "after")


def _array(values: Tensor) -> np.ndarray:
    array: np.ndarray = values.detach().cpu().numpy()
    return array
