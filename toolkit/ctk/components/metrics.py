"""The metrics that ``ctk.blend`` knows by name, as metrics of a competition or of a run: ``metric: logloss``."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from ctk.blend.inputs import to_labels
from ctk.blend.scores import CLASSES, LABELS, ClimbMetric, find_metric
from ctk.blend.scores import score as score_blend
from ctk.contract import Metric
from ctk.errors import UsageError
from ctk.samples import Array, Samples


def target_of(metric: str, samples: Samples, prediction: Array) -> Array:
    """Return the target as ``ctk.blend`` takes it beside a prediction: class numbers (N,) for rows of classes."""
    target = samples.target_values()
    if metric in CLASSES and prediction.ndim == 2 and prediction.shape[1] > 1 and _is_one_hot(target):
        numbers: Array = target.argmax(axis=1)
        return numbers
    return target.reshape(prediction.shape) if target.size == prediction.size else target


def _is_one_hot(target: Array) -> bool:
    """Whether each row has a single one, and else zeros."""
    return target.ndim == 2 and bool(((target == 0) | (target == 1)).all() and (target.sum(axis=1) == 1).all())


def _score(metric: ClimbMetric, prediction: Array, samples: Samples) -> float:
    values = np.asarray(prediction)
    if samples.predicts_text:
        if metric.name != "accuracy":
            raise UsageError(f"The metric '{metric.name}' compares numbers, and the target is text.", "Take accuracy.")
        return float((values == samples.target).mean())
    width = values[0].size
    eps = float(np.finfo(values.dtype if values.dtype.kind == "f" else np.float64).eps)
    target = target_of(metric.name, samples, values)
    if metric.name in LABELS:
        try:
            target = to_labels(target, width if target.ndim < values.ndim else 2, metric.name)
        except ValueError as error:
            raise UsageError(f"{error}.", "Take a metric of numbers, such as mse.") from None
    return score_blend(metric, target, values.astype(np.float64), np.full(width, 1 / width), eps)


def _named(name: str) -> Metric:
    known = find_metric(name)
    return Metric(name, "max" if known.maximize else "min", partial(_score, known), climb=name)


MSE, RMSE, MAE, R2 = map(_named, ("mse", "rmse", "mae", "r2"))
SMOOTH_L1, WEIGHTED_R2 = map(_named, ("smooth_l1", "weighted_r2"))
ACCURACY, AUC = map(_named, ("accuracy", "auc"))
LOGLOSS = replace(_named("logloss"), predicts="probabilities")
