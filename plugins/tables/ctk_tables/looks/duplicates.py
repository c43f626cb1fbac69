"""Rows of the test that train has too, all columns alike; copies within train besides."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ctk.samples import Array, Samples
from ctk_tables.looks.sides import Sides
from ctk_tables.looks.warning import Warning

FEWEST = 5
SHARE = 0.005
"""Copies must be so many, and such a part of their side, to be worth a word."""
BY_CHANCE = 0.2
"""Where so large a part of the copies is there as well when half the columns are shuffled, the table is just coarse."""


def duplicates(sides: Sides) -> list[Warning]:
    """Warn of copies across train and test or within train, unless the columns are so coarse that chance makes them."""
    names = [name for name in sides.train.features if name in sides.test.features]
    if not names or not len(sides.train) or not len(sides.test):
        return []
    train, test = (_hashed(side, names) for side in (sides.train, sides.test))
    across, within = _copies(_folded(train), _folded(test))
    many = [
        count
        for count, side in ((across, sides.test), (within, sides.train))
        if count >= max(FEWEST, SHARE * len(side))
    ]
    if not many:
        return []
    by_chance = sum(_copies(*_half_shuffled(train, test, sides.seed)))
    if by_chance > BY_CHANCE * (across + within):
        return []
    against = _contradicting(sides, _folded(train))
    said = f"{across:,} of {len(test):,} test rows ({across / len(test):.1%}) are in train too, all columns alike"
    if within:
        said += f", and {within:,} of {len(train):,} train rows are copies of earlier ones"
        said += f" ({against:,} of them with another target)" if against else " (with the same target)"
    return [
        Warning(
            name="duplicates",
            sentence=(
                f"{said}. A model that remembers rows looks better than it is: keep copies on one side of a split"
                " (--group with a column that they share), or drop them from train."
            ),
            numbers={"across": across, "within": within, "contradicting": against},
        )
    ]


def _hashed(side: Samples, names: list[str]) -> Array:
    """Hashes (N, F) uint64 of each cell; missing numbers are alike."""
    return np.stack([_hashes(np.asarray(side.features[name])) for name in names], axis=1)


def _hashes(values: Array) -> Array:
    if values.dtype.kind == "U":
        return np.asarray(pd.util.hash_array(values.astype(object), categorize=True))
    numbers = values.astype(np.float64).reshape(len(values), -1) + 0.0  # -0 is 0
    return np.asarray(pd.util.hash_array(np.where(np.isnan(numbers), np.nan, numbers)[:, 0]))


def _folded(cells: Array) -> Array:
    """One hash (N,) of a row's cells, by a sum of products with odd numbers that differ by column."""
    odd = np.random.default_rng(0).integers(1, 1 << 62, cells.shape[1], dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    with np.errstate(over="ignore"):
        return np.asarray((cells * odd).sum(axis=1, dtype=np.uint64))


def _copies(train: Array, test: Array) -> tuple[int, int]:
    """Count rows of the test that are in train, and of train that are copies of an earlier one."""
    return int(np.isin(test, train).sum()), len(train) - len(np.unique(train))


def _half_shuffled(train: Array, test: Array, seed: int) -> tuple[Array, Array]:
    """Hashes of rows whose one half of columns, drawn at random, is another row's."""
    dice = np.random.default_rng(seed)
    columns = dice.permutation(train.shape[1])[: train.shape[1] // 2]
    shuffled = []
    for side in (train, test):
        cells = side.copy()
        cells[:, columns] = side[dice.permutation(len(side))][:, columns]
        shuffled.append(_folded(cells))
    return shuffled[0], shuffled[1]


def _contradicting(sides: Sides, rows: Array) -> int:
    """Count copies within train whose target is not that of the first of them."""
    if sides.train.target is None:
        return 0
    _, first, place = np.unique(rows, return_index=True, return_inverse=True)
    target = np.asarray(sides.train.target).reshape(len(rows), -1)
    return int((target != target[first[place]]).any(axis=1).sum())
