"""Whether what was written predicts what the model predicts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from ctk.errors import CtkError
from ctk.samples import Array, Samples
from ctk_export.portable import Portable
from ctk_export.quiet import one_line_error, quiet

TOLERANCE = 1e-4
"""Deviations of a column. Libraries add float32 numbers in different order, and so round differently: 1e-7 to 1e-5 was
measured. Ten times that still moves no score's fourth digit; a graph that lacks a scale is off by whole deviations."""
ROWS = 256
SIZES = (1, 2, 61)
"""Rows of the first batches; the rest is one. A graph that knows one size only fails at once."""
SPREAD_ROWS = 4096


@dataclass(frozen=True)
class Agreement:
    """How well two predictions of the same samples agree.

    batches     rows of each batch that the export predicted
    shape       of the prediction of one sample
    difference  the largest, in deviations of a column; nan where shapes differ or numbers are not finite
    """

    batches: list[int]
    shape: tuple[int, ...]
    difference: float

    @property
    def good(self) -> bool:
        """Whether that is rounding."""
        return self.difference <= TOLERANCE


def compare(fitted: Portable, predict: Callable[[Sequence[Tensor]], Array], samples: Samples, unit: Array) -> Agreement:
    """The model's own prediction of samples beside that of an export, in batches of several sizes.

    unit  (D, ...) deviations of the target's columns, from ``spread``

    Raises CtkError where the export cannot be run on them.
    """
    expected = np.asarray(fitted.predict(samples), np.float64)
    rows = np.split(np.arange(len(samples)), np.cumsum(SIZES))
    parts = [samples.take(some) for some in rows if len(some)]
    sizes, shape = [len(part) for part in parts], expected.shape[1:]
    try:
        with quiet():
            found = np.concatenate([np.asarray(predict(fitted.inputs(part)), np.float64) for part in parts])
    except Exception as error:  # whatever the format's library says
        raise CtkError(
            f"What was written cannot be run on batches of {', '.join(map(str, sizes))}: {one_line_error(error)}",
            "The network's forward must take any number of rows: x.shape[0], not len(x).",
        ) from error
    if found.shape != expected.shape:
        return Agreement(sizes, shape, math.nan)
    # Where the target does not vary the prediction may; and no float32 knows more than 7 digits of a mean far from 0.
    unit = np.maximum.reduce([unit, expected.std(axis=0), 0.01 * np.abs(expected).max(axis=0)])
    apart = np.abs(found - expected).max(axis=0)
    with np.errstate(divide="ignore"):
        return Agreement(sizes, shape, float(np.divide(apart, unit, out=apart, where=apart != 0).max()))


def spread(train: Samples) -> Array:
    """(D, ...) deviations of the target's columns over some thousand training rows; 0 where there are none."""
    some = train.take(evenly(len(train), SPREAD_ROWS))
    return np.asarray(some.target_values(), np.float64).std(axis=0) if len(some) else np.zeros(train.target_width)


def evenly(rows: int, most: int) -> Array:
    """Numbers of at most so many rows, evenly spaced."""
    return np.arange(min(rows, most)) * rows // max(min(rows, most), 1)
