"""A fold, and folds by the number of each row."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ctk.samples import Array


class Fold(NamedTuple):
    """Row numbers to train on and to validate on, int64, ascending."""

    train: Array
    valid: Array


def folds_by_number(of_row: Array, count: int) -> list[Fold]:
    """Make folds from the number of each row, (N,) whole: fold f validates on the rows with f, the others train."""
    return [Fold(np.flatnonzero(of_row != fold), np.flatnonzero(of_row == fold)) for fold in range(count)]
