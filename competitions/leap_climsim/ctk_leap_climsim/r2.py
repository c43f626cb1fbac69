"""R2 by column as scikit-learn computes it, from blocks of rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ctk.samples import Array

ROWS = 512
"""Rows worked on at a time: 1.5 MB of 368 float64 columns, which a core's cache holds."""


class ColumnSums:
    """(C,) float64 sums down the rows of (n, C) blocks, added row by row as ``numpy.sum`` adds those of one array.

    The order decides the last digits, and with them whether the variance of a constant column is exactly 0, on which
    scikit-learn's ``force_finite`` hangs.
    """

    def __init__(self, columns: int) -> None:
        self.total = np.zeros(columns)
        self._rows = np.empty((ROWS + 1, columns))

    def room(self, rows: int) -> Array:
        """(rows, C) float64 to be filled with what ``add`` is to add; at most ``ROWS`` rows."""
        return self._rows[1 : rows + 1]

    def add(self, rows: int) -> None:
        """Add the first so many rows of ``room``."""
        self._rows[0] = self.total
        self.total = self._rows[: rows + 1].sum(axis=0)


class Truth:
    """What has to be known of a truth before predictions are compared with it: a first pass.

    weights  (C,) float64 that columns are multiplied by
    varies   (C,) bool: some row differs from the first
    """

    def __init__(self, weights: Array) -> None:
        self.weights = np.asarray(weights, np.float64)
        self.rows = 0
        self.varies = np.zeros(len(weights), bool)
        self._sums = ColumnSums(len(weights))
        self._first: Array | None = None

    def update(self, truth: Array) -> None:
        """Take in (n, C) floating rows."""
        for start in range(0, len(truth), ROWS):
            block = truth[start : start + ROWS]
            weighted = np.multiply(block, self.weights, out=self._sums.room(len(block)), dtype=np.float64)
            if self._first is None:
                self._first = weighted[0].copy()
            self.varies |= (weighted != self._first).any(axis=0)
            self._sums.add(len(block))
            self.rows += len(block)

    @property
    def mean(self) -> Array:
        """(C,) float64; nan before the first row."""
        with np.errstate(invalid="ignore"):
            return self._sums.total / self.rows if self.rows else np.full(len(self.weights), np.nan)


class R2:
    """Coefficient of determination by column: 1 - sum((y - p)^2) / sum((y - mean(y))^2), rows as they come.

    To the last bit scikit-learn's ``r2_score(y, p, multioutput="raw_values", force_finite=True)`` of C-ordered float64
    arrays: a prediction without error has 1 whatever the truth, one with errors of a truth without variance has 0. As
    there, a constant other than 0 whose mean rounds has a variance of rounding errors, and errors weigh vastly.
    """

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self._mean = truth.mean
        self._errors = ColumnSums(len(truth.weights))
        self._spread = ColumnSums(len(truth.weights))

    def update(self, truth: Array, prediction: Array) -> None:
        """Take in (n, C) floating rows of both."""
        for start in range(0, len(truth), ROWS):
            block, predicted = truth[start : start + ROWS], prediction[start : start + ROWS]
            apart, error = self._spread.room(len(block)), self._errors.room(len(block))
            np.multiply(block, self.truth.weights, out=apart, dtype=np.float64)
            np.multiply(predicted, self.truth.weights, out=error, dtype=np.float64)
            np.subtract(apart, error, out=error)
            np.multiply(error, error, out=error)
            self._errors.add(len(block))
            np.subtract(apart, self._mean, out=apart)
            np.multiply(apart, apart, out=apart)
            self._spread.add(len(block))

    def result(self) -> Array:
        """(C,) float64; nan where there were no rows."""
        if not self.truth.rows:
            return np.full(len(self._mean), np.nan)
        errors, spread = self._errors.total, self._spread.total
        scores = np.ones(len(errors))
        wrong = errors != 0  # nan is not 0 either: a prediction that is not finite scores nan
        usual = wrong & (spread != 0)
        scores[usual] = 1 - errors[usual] / spread[usual]
        scores[wrong & (spread == 0)] = 0.0
        return scores


def r2_of(predicted: Callable[[slice], Array], target: Array, weights: Array) -> tuple[Array, Array]:
    """R2 by column of predictions that are made a block at a time, and which columns of the target vary; (C,) both.

    predicted  from a slice of rows, (n, C) floating
    target     (N, C) floating, may be memory-mapped
    memory     some blocks of ``ROWS`` rows
    """
    truth = Truth(weights)
    truth.update(target)
    score = R2(truth)
    for start in range(0, len(target), ROWS):
        of = slice(start, min(start + ROWS, len(target)))
        score.update(target[of], predicted(of))
    return score.result(), truth.varies


def r2_by_column(prediction: Array, target: Array, weights: Array) -> Array:
    """(C,) float64 R2 of (N, C) predictions, columns of both multiplied by (C,) weights first; see ``R2``."""
    return r2_of(lambda of: prediction[of], target, weights)[0]
