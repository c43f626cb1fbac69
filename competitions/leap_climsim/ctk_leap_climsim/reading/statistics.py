"""Mean and standard deviation of columns over blocks of rows, in float64, stable and restartable."""

from __future__ import annotations

from typing import Any

import numpy as np

from ctk.samples import Array

CHUNK = 256
"""Rows merged at a time: a chunk of 924 float64 columns stays in a core's cache."""


class Running:
    """Population mean and standard deviation of (n, C) blocks as they come.

    Blocks are merged as Chan, Golub and LeVeque ("Updating formulae and a pairwise algorithm for computing sample
    variances", 1979) merge them. Within a chunk values are taken relative to its first row, so that a constant column
    has exactly its value as mean and exactly 0 as deviation: what is divided by a floor later must be 0 there.

    count  rows so far
    mean   (C,) float64
    m2     (C,) float64 sum of squared deviations from the mean
    """

    def __init__(self, columns: int) -> None:
        self.count = 0
        self.mean = np.zeros(columns)
        self.m2 = np.zeros(columns)

    def add(self, rows: Array) -> None:
        """Take in (n, C) floating rows."""
        for start in range(0, len(rows), CHUNK):
            self._merge(rows[start : start + CHUNK])

    @property
    def std(self) -> Array:
        """(C,) float64 population deviation; 0 before the first row."""
        return np.asarray(np.sqrt(self.m2 / max(1, self.count)))

    def state(self) -> dict[str, Any]:
        """As JSON takes it, without loss."""
        return {"count": self.count, "mean": self.mean.tolist(), "m2": self.m2.tolist()}

    @classmethod
    def of(cls, state: dict[str, Any]) -> Running:
        """What ``state`` was taken of."""
        running = cls(len(state["mean"]))
        running.count = state["count"]
        running.mean, running.m2 = np.array(state["mean"]), np.array(state["m2"])
        return running

    def _merge(self, chunk: Array) -> None:
        first = chunk[0].astype(np.float64)
        apart = chunk - first
        offset = apart.mean(axis=0)
        apart -= offset
        m2 = np.einsum("nc,nc->c", apart, apart)
        total = self.count + len(chunk)
        delta = (first + offset) - self.mean
        share = len(chunk) / total
        self.m2 += m2 + delta * delta * (self.count * share)
        # The first chunk's mean as it is: 0 + (m - 0) * 1 is m, but only there.
        self.mean += delta * share
        self.count = total
