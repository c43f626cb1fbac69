"""What each row's prediction is off by, in a measure that suits task and metric."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ctk.samples import Array
from ctk_tables.description import TableDescription

SQUARED = ("rmse", "mse", "r2", "explained_variance", "rmsle", "msle", "rmspe")
RELATIVE = ("mape", "smape", "rmspe")
"""Metrics of squared errors, and of errors in parts of the target."""
SURE = 1e-6
"""Probabilities are kept so far from 0 and 1 that one row's log loss is at most 14."""


@dataclass(frozen=True)
class Losses:
    """Losses of rows, whose mean over rows is what a segment is judged by.

    rows     (N,) float64
    name     of the mean, for people
    root     whether the root of the mean is shown
    counted  whether they are zeros and ones
    """

    rows: Array
    name: str
    root: bool = False
    counted: bool = False

    def shown(self, mean: float) -> float:
        """Turn a mean into what is shown."""
        return float(np.sqrt(max(0.0, mean))) if self.root else mean


def losses_of(prediction: Array, target: Array, description: TableDescription) -> Losses:
    """Return losses of predictions and targets of the shapes that ``TableReader`` documents.

    Numbers: squared errors where the metric is one of squares, else absolute ones, in parts of the target where the
    metric counts so; several targets each in its own standard deviations, the mean over them. Classes: the log loss of
    probabilities, or whether a label is wrong.
    """
    prediction, target = np.asarray(prediction, np.float64), np.asarray(target, np.float64)
    prediction = prediction.reshape(target.shape)
    if description.task == "regression":
        return _of_numbers(prediction, target, description.metric.lower())
    if description.task == "ordinal":
        return Losses(np.abs(prediction - target).mean(axis=1), "mean distance in classes")
    labels = description.submits == "labels" or bool(np.isin(prediction, (0, 1)).all())
    if not labels and prediction.min(initial=0) >= 0 and prediction.max(initial=1) <= 1:
        return Losses(_log_loss(prediction, target, description.task == "classes"), "log loss")
    if description.task == "classes":
        wrong = prediction.argmax(axis=1) != target.argmax(axis=1)
    else:
        wrong = ((prediction >= 0.5) != (target >= 0.5)).mean(axis=1)
    return Losses(
        wrong.astype(np.float64), "share of wrong labels", counted=target.shape[1] == 1 or description.task == "classes"
    )


def _of_numbers(prediction: Array, target: Array, metric: str) -> Losses:
    squared = metric in SQUARED
    name = "root of the mean squared error" if squared else "mean absolute error"
    if metric in ("rmsle", "msle") and target.min(initial=0) > -1:
        prediction, target = np.log1p(np.maximum(prediction, 0)), np.log1p(target)
        name += " of logarithms"
    error = np.abs(prediction - target)
    if metric in RELATIVE:
        error = np.divide(error, np.abs(target), out=np.zeros_like(error), where=target != 0)
        name += " in parts of the target"
    elif target.shape[1] > 1:
        error /= np.maximum(target.std(axis=0), 1e-12)
        name += ", in standard deviations of each target"
    return Losses((error**2 if squared else error).mean(axis=1), name, root=squared)


def _log_loss(prediction: Array, target: Array, classes: bool) -> Array:
    if classes:
        total = np.maximum(prediction.sum(axis=1), SURE)
        return np.asarray(-np.log(np.clip((prediction * target).sum(axis=1) / total, SURE, 1)))
    right = np.where(target >= 0.5, prediction, 1 - prediction)
    return np.asarray(-np.log(np.clip(right, SURE, 1)).mean(axis=1))
