"""The metrics that blending knows by name: their direction, and their value for a finished blend."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctk.blend.label_scores import LABEL_SCORES, score_labels
from ctk.blend.reference import area

Floats = NDArray[np.float64]
Custom = Callable[[Any, Any], float]

SQUARED = ("mse", "rmse", "r2", "weighted_r2", "rmspe")
BY_ROW = ("mae", "mape", "pinball", "smooth_l1", "logloss", "accuracy", "auc")
BY_LABEL = tuple(name for name in LABEL_SCORES if name != "accuracy")
"""Metrics of labels, which are exact along a share by sorting where labels change."""
WEIGHTED = ("mse", "rmse", "r2", "weighted_r2", "mae")
"""Metrics whose columns may have weights."""
CLASSES = ("logloss", "accuracy", *BY_LABEL)
"""Metrics that take predictions (N, classes) with a target (N,) of class numbers."""
SKLEARN_LOSSES = ("_loss", "_error", "_deviance", "_log_error")
LABELS = ("logloss", "accuracy", "auc")
"""Metrics whose target is of zeros and ones, or of class numbers; those by label take any whole numbers besides."""


@dataclass(frozen=True)
class ClimbMetric:
    """A metric by its name, or a callable metric(target, blend) -> float, and whether more is better.

    level  of pinball: the quantile that is asked for, above 0 and below 1
    """

    name: str
    maximize: bool
    call: Custom | None = None
    level: float = 0.5

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is: sign * score is always to be raised."""
        return 1 if self.maximize else -1


def find_metric(metric: str | Custom, maximize: bool | None = None) -> ClimbMetric:
    """The metric of that name, or the callable with its direction; ValueError that says what there is."""
    if callable(metric):
        name = getattr(metric, "__name__", type(metric).__name__)
        own = getattr(metric, "maximize", not _is_sklearn_loss(metric))
        return ClimbMetric(name, bool(own if maximize is None else maximize), metric)
    known = (*SQUARED, *BY_ROW, *BY_LABEL)
    metric, level = _split_level(metric)
    if metric not in known:
        near = difflib.get_close_matches(str(metric), known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}, and any metric(target, blend)."
        raise ValueError(f"there is no metric {metric!r}; {hint}")
    if maximize is not None:
        raise ValueError(f"the direction of {metric} is known: leave maximize out, it is for metrics of your own")
    return ClimbMetric(metric, metric in ("r2", "weighted_r2", "accuracy", "auc", *BY_LABEL), level=level)


def _split_level(metric: str) -> tuple[str, float]:
    """The name and quantile of ``pinball@0.9``; other names as they are. ValueError for one that is no quantile."""
    name, _, level = str(metric).partition("@")
    if name != "pinball":
        return metric, 0.5
    try:
        found = float(level or 0.5)
    except ValueError:
        found = math.nan
    if not 0 < found < 1:
        raise ValueError(f"{metric}: {level} is no quantile; one lies between 0 and 1, as in pinball@0.9")
    return name, found


def to_score(found: Any, name: str) -> float:
    """What a callable metric of that name returned, as a number. Raises ValueError for what is none."""
    try:
        return float(found)
    except (TypeError, ValueError):
        what = "None" if found is None else f"a {type(found).__name__}"
        raise ValueError(f"the metric {name} returned {what}, and one number is needed") from None


def _is_sklearn_loss(metric: Custom) -> bool:
    """Whether less is better by scikit-learn's own rule: a function of its metrics that is named so."""
    name = getattr(metric, "__name__", "")
    return getattr(metric, "__module__", "").startswith("sklearn.metrics") and name.endswith(SKLEARN_LOSSES)


def score(metric: ClimbMetric, target: Any, blend: Floats, weights: Floats | None, eps: float) -> float:
    """The metric of a blend (N,) or (N, T), in the metric's own sign.

    weights  (T,) of columns, summing to one; None where the metric has none
    eps      where logloss clips probabilities: the precision of the members' dtype, as scikit-learn clips
    """
    if metric.call is not None:
        return to_score(metric.call(target, blend), metric.name)
    if metric.name in BY_LABEL:
        return score_labels(metric.name, blend, target)
    if metric.name == "accuracy":
        right = blend.argmax(axis=1) == target if blend.ndim > target.ndim else (blend > 0.5) == (target != 0)
        return float(right.mean())
    if metric.name == "logloss":
        return float(-np.log(np.clip(of_truth(blend, target), eps, 1 - eps)).mean())
    if metric.name == "auc":
        columns = zip(_by_column(blend).T, _by_column(target).T, strict=True)
        return float(np.mean([area(*each) for each in columns]))
    if metric.name in SQUARED:
        assert weights is not None
        y = _by_column(target).astype(np.float64)
        shifted = y - y[0]  # a constant column has a sum of squares of exactly zero
        squares = ((shifted - shifted.mean(axis=0)) ** 2).sum(axis=0)
        off = _by_column(blend) - y
        rows: Any = len(y)
        if metric.name == "rmspe":
            rows, off = count_sized(y), off * sizes_over(y)
        return squared_score(metric.name, (off**2).sum(axis=0), rows, y[0] + shifted.mean(axis=0), squares, weights)
    off = _by_column(blend) - _by_column(target)
    if metric.name == "pinball":
        return float(np.maximum((1 - metric.level) * off, -metric.level * off).mean())
    error = np.abs(off)
    if metric.name == "mape":
        return float((error / smallest_size(_by_column(target))).mean())
    if metric.name == "smooth_l1":
        return float(np.where(error < 1, error**2 / 2, error - 0.5).mean())
    return float(error.mean(axis=0) @ weights)


def of_truth(probabilities: NDArray[Any], target: NDArray[Any]) -> NDArray[Any]:
    """Probability that was given to what was true: (N,) or (N, T) for targets of 0 and 1, (N,) for class numbers."""
    if probabilities.ndim > target.ndim:
        return np.take_along_axis(probabilities, target[:, None].astype(np.int64), axis=1)[:, 0]
    return np.where(target != 0, probabilities, 1 - probabilities)


def smallest_size(target: NDArray[Any]) -> Floats:
    """Sizes of targets as percentages are of, not below the precision of a double, as scikit-learn has it."""
    return np.maximum(np.abs(target.astype(np.float64)), np.finfo(np.float64).eps)


def sizes_over(target: NDArray[Any]) -> Floats:
    """1 / size of targets, in double; 0 for those that are 0, which no percentage can be taken of."""
    sizes = np.abs(target.astype(np.float64))
    return np.divide(1.0, sizes, out=np.zeros(sizes.shape), where=sizes > 0)


def count_sized(target: NDArray[Any]) -> NDArray[np.int64]:
    """(T,) rows of a column (N, T) whose target is not 0; 1 where there is none."""
    counted: NDArray[np.int64] = np.maximum((target != 0).sum(axis=0), 1)
    return counted


def squared_score(metric: str, errors: Floats, rows: Any, mean: Floats, squares: Floats, weights: Floats) -> float:
    """The metric from each column's sum of squared errors (T,), its mean, and its sum of squares about that mean.

    rows         N; of rmspe (T,), and its errors are in parts of the target
    r2           meaned over columns; a constant column counts 1 if it was met exactly, else 0 (force_finite)
    weighted_r2  1 - sum w SSE / sum w (y - m)^2 with m the weighted mean of all numbers: one R2 over all of them
    """
    errors = np.maximum(errors, 0)
    if metric == "mse":
        return float(weights @ errors / rows)
    if metric in ("rmse", "rmspe"):
        return float(weights @ np.sqrt(errors / rows))
    if metric == "r2":
        share = np.where(squares > 0, errors / np.where(squares > 0, squares, 1), errors > 0)
        return float(weights @ (1 - share))
    total = weighted_squares(rows, mean, squares, weights)
    found = float(weights @ errors)
    return 1 - found / total if total > 0 else float(found == 0)


def weighted_squares(rows: int, mean: Floats, squares: Floats, weights: Floats) -> float:
    """Weighted sum of squares of all numbers about their weighted mean, from the columns' own."""
    centre = weights @ mean / weights.sum()
    return float(weights @ (squares + rows * (mean - centre) ** 2))


def _by_column(array: NDArray[Any]) -> NDArray[Any]:
    return array.reshape(len(array), -1)
