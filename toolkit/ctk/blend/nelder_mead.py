"""Nelder and Mead's simplex to good weights that are not negative."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ctk.blend.members import members_of
from ctk.blend.result import BlendResult
from ctk.blend.scores import Custom, find_metric
from ctk.blend.search import prepare_task, run_search
from ctk.blend.simplex import TOLERANCE, SimplexOptions


@dataclass(frozen=True)
class SimplexStart:
    """One start of a simplex: its width, the blends scored by its end, and the best metric by then.

    cell is the (row group, column group) that it searched; (0, 0) where weights are not grouped.
    """

    width: float
    evaluations: int
    score: float
    cell: tuple[int, int] = (0, 0)


def nelder_mead(
    predictions: Sequence[Any] | Any,
    target: Any,
    metric: str | Custom,
    *,
    groups: Sequence[Any] | None = None,
    columns: Sequence[Any] | None = None,
    column_weights: Sequence[float] | None = None,
    tolerance: float = TOLERANCE,
    max_evaluations: int = 100_000,
    time_limit: float | None = None,
    maximize: bool | None = None,
) -> BlendResult:
    """Search for weights by a simplex of blends that reflects, expands and contracts, from equal weights on.

    Weights below zero are clipped, and all are divided by their sum: they are never negative and sum to one. Started
    anew about the best blend, ever smaller, until a start gains nothing (Nelder and Mead 1965, "A simplex method for
    function minimization"; steps that suit the number of members as Gao and Han 2012 have them).

    predictions, target, metric, groups, columns, column_weights, maximize  as for ``hill_climb``
    tolerance        of the loss: a simplex that spans less has ended, a start that gains less is the last
    max_evaluations  blends that are scored, at most, for each group of rows and columns
    time_limit       seconds; the search ends with what it has
    returns          BlendResult; its trace has a SimplexStart for each start
    memory           as for ``hill_climb``; for mae up to half of the predictions in their dtype besides
    raises           ValueError for shapes, dtypes and options that make no sense, and for numbers that are not finite
                     (naming member, row and column)
    """
    predictions, names = members_of(predictions)
    if not tolerance >= 0:
        raise ValueError(f"tolerance is {tolerance}: a gain is measured against zero or more")
    if isinstance(max_evaluations, bool) or not 1 <= max_evaluations < 2**31:
        raise ValueError(f"max_evaluations is {max_evaluations}: a whole number from 1 below 2^31 is needed")
    if time_limit is not None and not time_limit > 0:
        raise ValueError(f"time_limit is {time_limit}: a search needs some seconds")
    task, cells, count = prepare_task(
        predictions, target, find_metric(metric, maximize), groups, columns, column_weights, step=0.01
    )
    end = None if time_limit is None else time.perf_counter() + time_limit
    options = SimplexOptions(tolerance=float(tolerance), max_evaluations=int(max_evaluations))
    weights = np.zeros((*cells.shape, count))
    trace: list[SimplexStart] = []
    for cell in cells:
        start, to_score = task.start(cell)
        search = start(options)
        run_search(search, end)
        weights[cell.place] = search.weights
        starts = zip(search.shares.tolist(), search.members.tolist(), to_score(search.losses).tolist(), strict=True)
        trace += [SimplexStart(*each, cell.place) for each in starts]
    return BlendResult(
        weights=cells.squeeze(weights),
        score=task.score(weights),
        trace=trace,
        groups=cells.groups,
        columns=cells.group_of_column,
        names=names,
    )
