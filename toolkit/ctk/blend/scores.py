"""The metrics that blending knows by name: their direction, and their value for a finished blend."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctk.blend.label_scores import LABEL_SCORES, score_labels
from ctk.blend.reference import area

Floats = NDArray[np.float64]
Custom = Callable[[Any, Any], float]

SQUARED = ("mse", "rmse", "r2", "weighted_r2")
BY_ROW = ("mae", "smooth_l1", "logloss", "accuracy", "auc")
BY_LABEL = tuple(name for name in LABEL_SCORES if name != "accuracy")
"""Metrics of labels, which are exact along a share by sorting where labels change."""
WEIGHTED = (*SQUARED, "mae")
"""Metrics whose columns may have weights."""
CLASSES = ("logloss", "accuracy", *BY_LABEL)
"""Metrics that take predictions (N, classes) with a target (N,) of class numbers."""
SKLEARN_LOSSES = ("_loss", "_error", "_deviance", "_log_error")
LABELS = ("logloss", "accuracy", "auc")
"""Metrics whose target is of zeros and ones, or of class numbers; those by label take any whole numbers besides."""


@dataclass(frozen=True)
class ClimbMetric:
    """A metric by its name, or a callable metric(target, blend) -> float, and whether more is better."""

    name: str
    maximize: bool
    call: Custom | None = None

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
    if metric not in known:
        near = difflib.get_close_matches(str(metric), known, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}, and any metric(target, blend)."
        raise ValueError(f"there is no metric {metric!r}; {hint}")
    if maximize is not None:
        raise ValueError(f"the direction of {metric} is known: leave maximize out, it is for metrics of your own")
    return ClimbMetric(metric, metric in ("r2", "weighted_r2", "accuracy", "auc", *BY_LABEL))


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
        errors = ((_by_column(blend) - y) ** 2).sum(axis=0)
        return squared_score(metric.name, errors, len(y), y[0] + shifted.mean(axis=0), squares, weights)
    error = np.abs(_by_column(blend) - _by_column(target))
    if metric.name == "smooth_l1":
        return float(np.where(error < 1, error**2 / 2, error - 0.5).mean())
    return float(error.mean(axis=0) @ weights)


def of_truth(probabilities: NDArray[Any], target: NDArray[Any]) -> NDArray[Any]:
    """Probability that was given to what was true: (N,) or (N, T) for targets of 0 and 1, (N,) for class numbers."""
    if probabilities.ndim > target.ndim:
        return np.take_along_axis(probabilities, target[:, None].astype(np.int64), axis=1)[:, 0]
    return np.where(target != 0, probabilities, 1 - probabilities)


def squared_score(metric: str, errors: Floats, rows: int, mean: Floats, squares: Floats, weights: Floats) -> float:
    """The metric from each column's sum of squared errors (T,), its mean, and its sum of squares about that mean.

    r2           meaned over columns; a constant column counts 1 if it was met exactly, else 0 (force_finite)
    weighted_r2  1 - sum w SSE / sum w (y - m)^2 with m the weighted mean of all numbers: one R2 over all of them
    """
    errors = np.maximum(errors, 0)
    if metric == "mse":
        return float(weights @ errors) / rows
    if metric == "rmse":
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
