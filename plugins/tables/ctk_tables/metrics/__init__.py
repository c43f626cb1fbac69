"""Metrics of tables: what there is for a task, and one by its name."""

from __future__ import annotations

from functools import partial
from importlib import import_module

from ctk.contract import Metric
from ctk.errors import UsageError, nearest
from ctk_tables.description import Task
from ctk_tables.metrics.catalogue import CATALOGUE, MetricEntry
from ctk_tables.metrics.own import own_metric

__all__ = ["entry", "find", "names", "own_metric", "wants_labels"]


def names(task: Task) -> list[str]:
    """Name the metrics that suit a task, the toolkit's own among them, the usual ones first."""
    return [each.name for each in CATALOGUE.values() if task in each.tasks]


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
    return load(name)


def load(name: str) -> Metric:
    """Make the metric of a name in the catalogue."""
    known = entry(name)
    module, _, attribute = known.thing.partition(":")
    score = partial(getattr(import_module(f"ctk_tables.metrics.{module}"), attribute))
    return Metric(known.name, known.direction, score, climb=known.climb)
