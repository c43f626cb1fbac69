"""Statistics of the target by category: what rows like this one were, as a feature."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from ctk.contract import Columns, Done, Extractor
from ctk.errors import UsageError, nearest
from ctk.files import atomic, reading
from ctk.samples import Array, Samples

STATE = "target-statistics.npz"


class TargetStatistics(Extractor):
    """The mean target of the rows of one's category, drawn towards that of all rows, and how many these are.

    Mean and count are of training rows. With n rows of a category the mean is (n * own + smooth * overall) /
    (n + smooth): Micci-Barreca 2001, doi:10.1145/507533.507538, with the weight n / (n + smooth); a category that no
    training row has gets the overall mean and the count 0.

    A training row's own target would be in its own statistics, and leaving it out alone would tell it all the more: it
    is what is missing from the mean (Prokhorenkova et al. 2018, arXiv:1706.09516, section 3.2). So those of training
    rows come from other rows: each of ``folds`` parts from all the others, as in scikit-learn's TargetEncoder.

    by      features of one column, or groups, whose values are the categories; NaN and empty text are categories too
    smooth  rows that the overall mean counts for
    folds   parts that the training rows are drawn into
    apart   group whose rows are in one part, as rows of one scene have to be; none draws rows one by one
    """

    learns = True

    def __init__(
        self,
        *,
        by: Annotated[list[str], Field(min_length=1)],
        smooth: Annotated[float, Field(ge=0)] = 10.0,
        folds: Annotated[int, Field(ge=2)] = 5,
        apart: str | None = None,
    ) -> None:
        self.by = by
        self.smooth = smooth
        self.folds = folds
        self.apart = apart

    def fit(self, train: Samples) -> None:
        """Count the rows and sum the targets of each category."""
        target = np.asarray(train.target_values(), np.float64).reshape(len(train), -1)
        self.tables = {name: _Table.of(_categories(train, name), target) for name in self.by}

    def extract(self, samples: Samples, progress: Done) -> Columns:
        """For each of ``by``: ``BY/mean`` (N, D) and ``BY/count`` (N,), float32."""
        columns: dict[str, Array] = {}
        for number, (name, table) in enumerate(self.tables.items(), start=1):
            mean, count = table.look_up(_categories(samples, name), self.smooth)
            columns |= {f"{name}/mean": mean.astype(np.float32), f"{name}/count": count.astype(np.float32)}
            progress(number, len(self.tables))
        return columns

    def fit_extract(self, train: Samples, progress: Done) -> Columns:
        """Fit on all rows; the statistics of each part of them are of the other parts."""
        numbers = np.arange(len(train)) if self.apart is None else train.group(self.apart)
        units, unit = np.unique(numbers, return_inverse=True)
        if len(units) < self.folds:
            raise UsageError(
                f"target-statistics draws {self.folds} parts of training rows, and there are {len(units)} to draw.",
                "Lower its folds, or leave out apart.",
            )
        part = (np.random.default_rng(0).permutation(len(units)) % self.folds)[unit]
        columns: dict[str, Array] = {}
        for number in range(self.folds):
            rows = np.flatnonzero(part == number)
            self.fit(train.take(np.flatnonzero(part != number)))
            for name, values in self.extract(train.take(rows), lambda done, total: None).items():
                columns.setdefault(name, np.empty((len(train), *values.shape[1:]), np.float32))[rows] = values
            progress(number + 1, self.folds)
        self.fit(train)
        return columns

    def save(self, folder: Path) -> None:
        """Write ``target-statistics.npz``."""
        arrays = {
            f"{n}-{key}": value for n, each in enumerate(self.tables.values()) for key, value in vars(each).items()
        }
        with atomic(folder / STATE) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)

    def load(self, folder: Path) -> None:
        """Read ``target-statistics.npz``. Raises DamagedError."""
        with reading(folder / STATE) as file, np.load(file, allow_pickle=False) as arrays:
            self.tables = {
                name: _Table(*(arrays[f"{n}-{key}"] for key in ("values", "count", "total")))
                for n, name in enumerate(self.by)
            }


class _Table:
    """Rows and sums of the target by category.

    values  (C,) the categories, ascending
    count   (C,) rows of each
    total   (C, D) sums of their targets
    """

    def __init__(self, values: Array, count: Array, total: Array) -> None:
        self.values = values
        self.count = count
        self.total = total

    @classmethod
    def of(cls, categories: Array, target: Array) -> _Table:
        """The table of (N,) categories and (N, D) targets."""
        values, place = np.unique(categories, return_inverse=True)
        total = np.zeros((len(values), target.shape[1]))
        np.add.at(total, place, target)
        return cls(values, np.bincount(place, minlength=len(values)), total)

    def look_up(self, categories: Array, smooth: float) -> tuple[Array, Array]:
        """The smoothed means (N, D) and counts (N,) of categories; the overall mean and 0 for others."""
        overall = self.total.sum(axis=0) / self.count.sum()
        place = np.searchsorted(self.values, categories).clip(max=len(self.values) - 1)
        found = self.values[place]
        known = (found == categories) | ((found != found) & (categories != categories))
        count = np.where(known, self.count[place], 0)
        total = np.where(known[:, None], self.total[place], 0) + smooth * overall
        weight = (count + smooth)[:, None]
        return np.where(weight > 0, total / np.maximum(weight, np.finfo(float).tiny), overall), count


def _categories(samples: Samples, name: str) -> Array:
    """(N,) values of a feature or group. Raises UsageError where it is neither, or has several columns."""
    known = {**samples.groups, **samples.features}
    if name not in known:
        raise UsageError(
            f"target-statistics counts by '{name}', which is neither a feature nor a group of the samples.",
            nearest(name, known, "features and groups"),
        )
    values = known[name]
    if values.ndim != 1:
        raise UsageError(f"target-statistics counts by '{name}', which has {values.shape[1:]} numbers a row, not one.")
    return values
