"""Metrics of tables: what there is for a task, and one by its name."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Literal

from ctk.contract import Metric
from ctk.errors import UsageError, nearest
from ctk_tables.description import Task
from ctk_tables.metrics.catalogue import CATALOGUE, MetricEntry
from ctk_tables.metrics.own import own_metric

__all__ = ["entry", "find", "names", "own_metric", "wants_labels"]


def names(task: Task) -> list[str]:
    """Name the metrics that suit a task, the toolkit's own among them, the usual one first."""
    suited = [each.name for each in CATALOGUE.values() if task in each.tasks]
    return sorted(suited, key=lambda name: name != USUAL[task])


def entry(name: str) -> MetricEntry:
    """What is known of a metric before it is loaded. Raises UsageError for a name there is not, with the nearest."""
    if name not in CATALOGUE:
        raise UsageError(f"There is no metric '{name}'.", nearest(name, CATALOGUE, "metrics"))
    return CATALOGUE[name]


def wants_labels(name: str) -> bool:
    """Whether a metric is of labels, so that thresholds may better it; false for one of its own, ``path.py:name``."""
    return name in CATALOGUE and CATALOGUE[name].scores == "labels"


def find(name: str) -> Metric:
    """Load a metric by its name: the toolkit's, one of these, or one of a file, ``path.py:name``.

    ``score(prediction, samples)`` takes predictions of the samples' target shape: numbers (N, T) of a regression,
    probabilities (N, T) of zeros and ones, (N, C) of classes, numbers (N, 1) of classes in an order.
    Raises UsageError for a name there is not, with the nearest.
    """
    if ".py:" in name:
        path, _, function = name.rpartition(":")
        return own_metric(path, function)
    known = entry(name)
    module, _, function = known.thing.partition(":")
    score = partial(getattr(import_module(f"ctk_tables.metrics.{module}"), function), **known.options)
    predicts: Literal["probabilities"] | None = "probabilities" if name in PROPER else None
    return Metric(name, known.direction, score, climb=known.climb, predicts=predicts)


USUAL: dict[Task, str] = {
    "regression": "rmse",
    "binary": "auc",
    "classes": "log_loss",
    "ordinal": "quadratic_kappa",
}
PROPER = ("log_loss", "logloss", "brier")
"""Metrics of which a blend has to be of probabilities as well: weights that are not below zero."""
