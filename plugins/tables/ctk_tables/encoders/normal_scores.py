"""Numbers by their ranks: what is skewed or far off becomes a bell curve."""

from __future__ import annotations

import numpy as np

from ctk.samples import Array

QUANTILES = 256
"""Of a column, however many rows it has; between two of them it is a straight line."""
TAIL = 1e-3
"""Share beyond which no rank goes: a score is at most 3.09."""


def normal_quantiles(values: Array) -> tuple[Array, Array]:
    """Learn columns (N, F): their quantiles, ascending, and the normal scores of these, (QUANTILES, F) float32 both.

    NaN counts for nothing; a column of nothing else has quantiles of 0. Where values repeat, their quantiles are one
    number many times, whose score is the mean of theirs: it stands at the middle of its ranks.
    """
    from scipy.special import ndtri

    levels = np.linspace(0, 1, QUANTILES)
    quantiles = np.zeros((QUANTILES, values.shape[1]), np.float32)
    scores = np.zeros_like(quantiles)
    for column in range(values.shape[1]):
        known = values[:, column][~np.isnan(values[:, column])]
        if not len(known):
            continue
        quantiles[:, column] = found = np.quantile(known, levels).astype(np.float32)
        _, place = np.unique(found, return_inverse=True)
        middle = np.bincount(place, levels) / np.bincount(place)
        scores[:, column] = ndtri(middle.clip(TAIL, 1 - TAIL))[place]
    return quantiles, scores


def to_normal_scores(values: Array, quantiles: Array, scores: Array) -> Array:
    """(N, F) float32 normal scores of columns; NaN stays."""
    found = [np.interp(values[:, column], quantiles[:, column], scores[:, column]) for column in range(values.shape[1])]
    return np.stack(found, axis=1).astype(np.float32) if found else values.astype(np.float32)
