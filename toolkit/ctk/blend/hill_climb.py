"""Hill climbing to good weights: exact steps for the metrics known by name, a grid for any other."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ctk.blend.climb import Options, RunningClimb
from ctk.blend.members import members_of
from ctk.blend.past_kinks import past_kinks
from ctk.blend.result import BlendResult, ClimbTrace, Step
from ctk.blend.scores import Custom, Floats, find_metric
from ctk.blend.search import prepare_task, run_search

MOST_SHARES = 100_000
KINKED = ("mae", "mape", "pinball", "logloss")
"""Metrics with exact steps whose climbs can end early: at a kink, or where no share may be negative."""
FEW_NUMBERS = 1 << 17
"""Numbers of a member up to which a simplex looks on after such a climb; with more, kinks are too small to matter."""


def hill_climb(
    predictions: Sequence[Any] | Any,
    target: Any,
    metric: str | Custom,
    *,
    groups: Sequence[Any] | None = None,
    columns: Sequence[Any] | None = None,
    column_weights: Sequence[float] | None = None,
    bounds: tuple[float | None, float] = (None, 0.5),
    step: float = 0.01,
    replacement: bool = True,
    max_rounds: int = 10_000,
    patience: int = 10,
    tolerance: float = 1e-9,
    time_limit: float | None = None,
    bags: int = 1,
    seed: int = 0,
    maximize: bool | None = None,
    progress: Callable[[Step], None] | None = None,
) -> BlendResult:
    """Start from the best member; each round mixes in the member and share that better the metric most.

    A step is blend = (1 - share) * blend + share * member, so weights always sum to one; a share below zero takes a
    member out again, also below nothing.

    predictions  M arrays or tensors (N,) or (N, T), or one (M, N) or (M, N, T); float32 or float64, others are cast.
                 Tensors on a GPU stay there for squared errors and mae; for other metrics they come to the host. A
                 mapping has members by name, a data frame (pandas, polars) in its columns
    target       of a member's shape; for logloss, accuracy and labels also (N,) class numbers where T is the classes
    metric       a name, or any metric(target, blend) -> float. By name:
        mse, rmse, mae, r2   as scikit-learn has them, columns meaned (r2: a constant column
                             counts 1 if it is met exactly, else 0)
        rmspe                rmse of errors in parts of the target, rows whose target is 0 left out
        mape                 mae of such errors, parts of at least a double's precision, as scikit-learn has it
        pinball@Q            pinball loss of the quantile Q, above 0 and below 1
        smooth_l1            with beta 1, as torch has it
        weighted_r2          one R2 over all numbers, each with its column's weight, about their weighted mean
        logloss              probabilities clipped by their dtype's precision, as scikit-learn does
        accuracy             probability over 0.5, or the first of the largest classes
        auc                  area under the ROC curve, ties counted half; columns meaned
        f1, mcc, ...         of labels: balanced_accuracy, cohen_kappa, quadratic_kappa, mcc, f0.5, f2, and f1,
                             precision, recall and jaccard, of ones or with _macro, _micro, _weighted.
                             Labels are 1 above 0.5, the largest class, or, of an ordinal target in
                             one column, the nearest whole number (see ``label_scores.py``)
    groups       (N,) labels: each group of rows gets weights of its own
    columns      (T,) labels: each group of columns gets weights of its own. Every pair of groups is climbed by itself,
                 on the metric of its part (r2: against the whole column's variance, so that parts add up)
    column_weights  (T,) for mse, rmse, r2, weighted_r2 and mae; none means equal ones
    bounds       of a step's share; they hold 0. A lower one of None is -0.5, and 0 where predictions are probabilities,
                 so that blends are too: for logloss; for accuracy, auc and callables where all numbers are in [0, 1]
    step         grid of shares for accuracy, auc and callables; the other metrics' shares are exact, those of labels
                 as long as crossings times labels are no more than four million, else to one part in as many
    replacement  whether a member may be taken again
    max_rounds   steps of one climb at most, the first among them
    patience     rounds in a row that may gain less than `tolerance` times the best member's loss (1 - score for r2, auc
                 and accuracy) before the climb ends; it ends at once where no step gains
    time_limit   seconds; the climb ends with what it has
    bags         climbs to average, each among half of the members, drawn by `seed` (bagged ensemble selection, Caruana
                 et al. 2004, "Ensemble selection from libraries of models"); 1 is one climb among all
    maximize     for callables: whether more is better. None: the callable's own `maximize`, else True, but for
                 scikit-learn's metrics named loss, error or deviance. A blend that a callable scores NaN is not taken
    progress     is called with the newest step about four times a second, and at the end of each climb
    returns      BlendResult; score is the metric of the whole blend, steps' scores are those of their cell. Each step
                 betters its score, but for mae the last ones, to all members in turn, may do so only together
    memory       squared errors: T M^2 doubles a group of rows. Others: a copy of the predictions (accuracy and auc:
                 in double)
    raises       ValueError for shapes, dtypes and options that make no sense, and for numbers that are not finite
                 (naming member, row and column)
    """
    predictions, names = members_of(predictions)
    known = find_metric(metric, maximize)
    low, high = -0.5 if bounds[0] is None else bounds[0], bounds[1]
    _check((low, high), step, max_rounds, patience, tolerance, bags, time_limit)
    task, cells, count = prepare_task(predictions, target, known, groups, columns, column_weights, step)
    if bounds[0] is None and task.probabilities:
        low = 0.0
    end = None if time_limit is None else time.perf_counter() + time_limit
    exact = known.call is None and known.name in KINKED and task.numbers <= FEW_NUMBERS
    weights = np.zeros((*cells.shape, count))
    traces: list[ClimbTrace] = []
    for cell in cells:
        start, to_score = task.start(cell)
        found: list[Floats] = []
        for allowed in _bags(count, bags, np.random.default_rng([seed, *cell.place])):
            options = Options(
                low=float(low),
                high=float(high),
                replacement=replacement,
                tolerance=tolerance,
                patience=patience,
                max_rounds=max_rounds,
                allowed=allowed,
            )
            climb = start(options)
            show = None if progress is None else lambda climb: progress(_trace(climb, to_score, cell.place)[-1])  # noqa: B023
            run_search(climb, end, show)
            weights_found, trace = climb.weights, _trace(climb, to_score, cell.place)
            if exact and all(allowed) and replacement and (end is None or time.perf_counter() < end):
                weights_found, steps = past_kinks(start, climb, options)
                if steps is not None:
                    members, shares, losses = steps
                    place = np.broadcast_to(np.array(cell.place), (len(members), 2))
                    trace = ClimbTrace.join([trace, ClimbTrace(members, shares, to_score(losses), place)])
                    if progress is not None:
                        progress(trace[-1])
            found.append(weights_found)
            traces.append(trace)
            if end is not None and time.perf_counter() > end:
                break
        weights[cell.place] = np.mean(found, axis=0)
    return BlendResult(
        weights=cells.squeeze(weights),
        score=task.score(weights),
        trace=ClimbTrace.join(traces),
        groups=cells.groups,
        columns=cells.group_of_column,
        names=names,
    )


def _trace(climb: RunningClimb, to_score: Callable[[Floats], Floats], place: tuple[int, int]) -> ClimbTrace:
    members = climb.members
    return ClimbTrace(
        members, climb.shares, to_score(climb.losses), np.broadcast_to(np.array(place), (len(members), 2))
    )


def _bags(members: int, bags: int, generator: np.random.Generator) -> list[list[bool]]:
    """Which members each climb may take: all, or half of them drawn at random."""
    if bags == 1:
        return [[True] * members]
    drawn = [set(generator.permutation(members)[: (members + 1) // 2].tolist()) for _ in range(bags)]
    return [[member in bag for member in range(members)] for bag in drawn]


def _check(
    bounds: tuple[float, float],
    step: float,
    max_rounds: int,
    patience: int,
    tolerance: float,
    bags: int,
    time_limit: float | None,
) -> None:
    low, high = bounds
    if not (-np.inf < low <= 0 <= high < np.inf and low < high):
        raise ValueError(f"bounds are {low} and {high}: a share lies between two numbers that have 0 between them")
    if not (0 < step < np.inf):
        raise ValueError(f"step is {step}: a grid of shares needs a step above zero")
    if (high - low) / step > MOST_SHARES:
        raise ValueError(f"step is {step}: bounds {low} and {high} would hold more than {MOST_SHARES:,} shares")
    for name, number in (("max_rounds", max_rounds), ("patience", patience), ("bags", bags)):
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or number >= 2**31:
            raise ValueError(f"{name} is {number}: a whole number below 2^31 is needed")
    if max_rounds < 1 or patience < 1 or bags < 1:
        raise ValueError(f"max_rounds {max_rounds}, patience {patience} and bags {bags} must each be at least 1")
    if not tolerance >= 0:
        raise ValueError(f"tolerance is {tolerance}: a gain is measured against zero or more")
    if time_limit is not None and not time_limit > 0:
        raise ValueError(f"time_limit is {time_limit}: a climb needs some seconds")
