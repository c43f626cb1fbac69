"""A table as the columns of a linear model: numbers on one scale, what is missing, and categories one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ctk.samples import Array
from ctk_tables.encoders.normal_scores import normal_quantiles, to_normal_scores

FAR = 8.0
"""Deviations from the mean that a number counts as at most."""
DENSE = 2 * 10**7
"""Numbers that a matrix holds at most; a larger one is sparse where most of its columns are categories."""


@dataclass(frozen=True)
class Design:
    """How a matrix (N, F) of numbers and codes of categories becomes one (N, D) of a linear model.

    Of each number there is what is apart from its mean in deviations, and the normal score of its rank, which no tail
    pulls at; a missing one is the median in both. Columns with missing values have one that says so. Of a category
    each value has a column; rare ones have one together, and so have those that training rows do not have.

    numbers, categories  (Fn,), (Fc,) which columns of the matrix these are
    median, mean, scale  (Fn,) of the numbers; a scale of 0 leaves out what is constant
    quantiles, scores    (Q, Fn) of the numbers
    gaps                 (G,) which of the numbers have missing values
    code_column, code    (K,) which category each column is of, and its code; -1: missing
    """

    numbers: Array
    categories: Array
    median: Array
    mean: Array
    scale: Array
    quantiles: Array
    scores: Array
    gaps: Array
    code_column: Array
    code: Array

    @classmethod
    def of(cls, matrix: Array, categorical: list[int], rare: int, most: int) -> Self:
        """Learn it of training rows. Of a category ``most`` values at most have a column, of ``rare`` rows or more."""
        categories = np.array(categorical, np.int64)
        numbers = np.setdiff1d(np.arange(matrix.shape[1]), categories)
        values = matrix[:, numbers].astype(np.float64)
        missing = np.isnan(values)
        median = np.array(
            [np.median(column[~gap]) if (~gap).any() else 0.0 for column, gap in zip(values.T, missing.T, strict=True)]
        )
        filled = np.where(missing, median, values)
        quantiles, scores = normal_quantiles(matrix[:, numbers])
        deviation = filled.std(axis=0)
        moves = deviation > 1e-7 * np.abs(filled.mean(axis=0))
        places, codes = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for place, column in enumerate(categories):
            found, count = np.unique(np.nan_to_num(matrix[:, column], nan=-1).astype(np.int64), return_counts=True)
            enough = count >= rare
            by_count = np.lexsort((found, -count))
            kept = np.sort(found[by_count[enough[by_count]][:most]])
            places.append(np.full(len(kept), place))
            codes.append(kept)
        return cls(
            numbers=numbers,
            categories=categories,
            median=median,
            mean=filled.mean(axis=0),
            scale=np.divide(1, deviation, out=np.zeros(len(numbers)), where=moves),
            quantiles=quantiles,
            scores=scores,
            gaps=np.flatnonzero(missing.any(axis=0) & ~missing.all(axis=0)),
            code_column=np.concatenate(places),
            code=np.concatenate(codes),
        )

    def columns(self) -> Array:
        """(D,) which column of the matrix each column of the design is of."""
        others = self.categories
        return np.concatenate(
            [self.numbers, self.numbers, self.numbers[self.gaps], self.categories[self.code_column], others]
        )

    def apply(self, matrix: Array) -> Any:
        """(N, D) float64, or a sparse one of scipy's."""
        values = matrix[:, self.numbers].astype(np.float64)
        missing = np.isnan(values)
        values = np.where(missing, self.median, values)
        scaled = ((values - self.mean) * self.scale).clip(-FAR, FAR)
        ranked = to_normal_scores(values, self.quantiles, self.scores)
        parts = [scaled, ranked, missing[:, self.gaps]]
        codes = np.nan_to_num(matrix[:, self.categories], nan=-1).astype(np.int64)
        width = len(self.code) + len(self.categories)
        if len(matrix) * (sum(part.shape[1] for part in parts) + width) > DENSE and width > 2 * scaled.shape[1]:
            from scipy import sparse

            return sparse.hstack([sparse.csr_matrix(np.concatenate(parts, axis=1)), self._sparse(codes)], format="csr")
        own = codes[:, self.code_column] == self.code
        rest = np.ones((len(matrix), len(self.categories)), bool)
        for place in range(len(self.categories)):
            rest[:, place] = ~own[:, self.code_column == place].any(axis=1)
        return np.concatenate([*parts, own, rest], axis=1, dtype=np.float64)

    def _sparse(self, codes: Array) -> Any:
        from scipy import sparse

        rows, width = len(codes), len(self.code) + len(self.categories)
        places = np.empty(codes.shape, np.int64)
        for place in range(codes.shape[1]):
            own = np.flatnonzero(self.code_column == place)
            known = self.code[own]
            at = np.searchsorted(known, codes[:, place]).clip(max=max(0, len(known) - 1))
            is_own = known[at] == codes[:, place] if len(known) else np.zeros(rows, bool)
            places[:, place] = np.where(is_own, own[at] if len(own) else 0, len(self.code) + place)
        starts = np.arange(rows + 1) * codes.shape[1]
        return sparse.csr_matrix((np.ones(codes.size), places.ravel(), starts), (rows, width))

    def arrays(self) -> dict[str, Array]:
        """What ``Design(**arrays)`` makes it of."""
        return dict(vars(self))

    @classmethod
    def read(cls, arrays: Mapping[str, Array]) -> Self:
        """The design of arrays by name, among others."""
        return cls(**{name: arrays[name] for name in cls.__dataclass_fields__})
