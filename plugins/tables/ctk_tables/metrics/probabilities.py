"""Metrics of probabilities: (N, T) of zeros and ones, or (N, C) of classes."""

from __future__ import annotations

import numpy as np

from ctk.errors import UsageError
from ctk.samples import Array, Samples
from ctk_tables.metrics.checked import Pair, checked, form_of


def log_loss(prediction: Array, samples: Samples) -> float:
    """Mean of -log of what was given to the truth, clipped by the precision of the prediction's dtype.

    Columns of zeros and ones are meaned. Rows of classes need not sum to one: they are taken as they are.
    """
    found, target = _zeros_and_ones(prediction, samples, "log_loss")
    dtype = np.asarray(prediction).dtype
    eps = float(np.finfo(dtype if dtype.kind == "f" else np.float64).eps)
    if form_of(target, "log_loss") == "classes":
        given = np.take_along_axis(found, target.argmax(axis=1)[:, None], axis=1)
    else:
        given = np.where(target != 0, found, 1 - found)
    return float(-np.log(np.clip(given, eps, 1 - eps)).mean())


def brier(prediction: Array, samples: Samples) -> float:
    """Mean squared error of probabilities, of classes the sum over them, from 0 to 2 (Brier 1950)."""
    found, target = _zeros_and_ones(prediction, samples, "brier")
    squares = np.square(found - target)
    return float(squares.sum(axis=1).mean() if form_of(target, "brier") == "classes" else squares.mean())


def _zeros_and_ones(prediction: Array, samples: Samples, name: str) -> Pair:
    pair = checked(prediction, samples, name)
    if form_of(pair.target, name) == "ordinal":
        raise UsageError(f"{name} is of probabilities, and the target has {pair.target.max():g}.", "Take rmse.")
    return pair
