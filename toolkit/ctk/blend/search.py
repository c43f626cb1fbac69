"""What every search for weights does: look at its inputs, and go on with a clock at hand."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctk.blend.cells import Cells
from ctk.blend.climb import RunningClimb
from ctk.blend.inputs import read
from ctk.blend.scores import WEIGHTED, ClimbMetric, Floats
from ctk.blend.tasks import ClimbTask, make_task

CHUNK = 0.25
"""Seconds that a search goes on for before the clock is read and progress is shown."""


def prepare_task(
    predictions: Sequence[Any] | Any,
    target: Any,
    metric: ClimbMetric,
    groups: Sequence[Any] | None,
    columns: Sequence[Any] | None,
    column_weights: Sequence[float] | None,
    step: float,
) -> tuple[ClimbTask, Cells, int]:
    """The task, its cells and the number of members: on the tensors' device where that pays, else on the host."""

    def weigh(width: int) -> Floats:
        return column_weights_of(column_weights, width, metric)

    if "torch" in sys.modules:  # without it nothing can be a tensor, and arrays need no torch
        from ctk.blend import device

        if device.wanted(predictions, metric):
            return device.make_task(metric, predictions, target, groups, columns, weigh)
    data = read(predictions, target, metric)
    cells = Cells.find(data, groups, columns)
    return make_task(metric, data, cells, weigh(data.columns), step), cells, len(data.members)


def run_search(search: RunningClimb, end: float | None, show: Callable[[RunningClimb], None] | None = None) -> None:
    """Go on with a search until it is over, or the clock of ``time.perf_counter`` is past ``end``."""
    over = False
    while not over:
        over = search.advance(CHUNK if end is None else min(CHUNK, max(0.0, end - time.perf_counter())))
        if show is not None:
            show(search)
        if end is not None and time.perf_counter() >= end:
            break


def column_weights_of(given: Sequence[float] | None, columns: int, metric: ClimbMetric) -> NDArray[np.float64]:
    """(T,) weights that sum to one; ValueError where the metric has none or they make no sense."""
    if given is None:
        return np.full(columns, 1 / columns)
    if metric.call is not None or metric.name not in WEIGHTED:
        raise ValueError(f"{metric.name} has no column weights; {', '.join(WEIGHTED)} have")
    weights = np.asarray(given, dtype=np.float64)
    if weights.shape != (columns,):
        raise ValueError(f"column_weights are of shape {weights.shape} for {columns} columns: one for each is needed")
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() > 0):
        raise ValueError("column_weights must be finite and not negative, and one of them above zero")
    normed: NDArray[np.float64] = weights / weights.sum()
    return normed
