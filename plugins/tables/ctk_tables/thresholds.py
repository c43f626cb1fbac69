"""Thresholds that make labels of probabilities and numbers, the best ones by a metric of labels."""

from __future__ import annotations

from collections.abc import Sequence

from ctk.contract import Metric
from ctk.samples import Array
from ctk_tables.description import Task


def fit_thresholds(
    prediction: Array, target: Array, metric: str | Metric, task: Task, *, classes: int | None = None
) -> list[float]:
    """Find the thresholds by which labels of the predictions score best; nothing in it is drawn.

    prediction  (N, T) probabilities of a binary task, (N, C) of classes, (N, 1) numbers of an ordinal one
    target      of the same shape, as samples have it
    metric      a name of the catalogue, or a Metric that scores such labels
    classes     K of an ordinal task; none: as many as the target shows
    returns     binary: T thresholds, a label is 1 above its own; classes: C weights, the label is the largest product
                with the probabilities; ordinal: K - 1 rising cuts, the label is the number of cuts below
    Raises UsageError for a task without labels, shapes that differ and numbers that are not finite.
    """
    raise NotImplementedError


def apply_thresholds(prediction: Array, thresholds: Sequence[float], task: Task) -> Array:
    """Make labels of predictions, in the shape of the target, float32.

    prediction  as ``fit_thresholds`` takes it; thresholds as it returns them, or none: 0.5, equal weights, halves
    returns     binary (N, T) of 0 and 1, classes (N, C) one-hot, ordinal (N, 1) of 0 to K - 1
    """
    raise NotImplementedError
