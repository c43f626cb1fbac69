"""Every metric by name: which tasks it suits, what it scores, where it is made. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ctk.contract.metric import Direction
from ctk_tables.description import Submits, Task

REGRESSION: tuple[Task, ...] = ("regression",)
NUMBERS: tuple[Task, ...] = ("regression", "ordinal")
BINARY: tuple[Task, ...] = ("binary",)
CLASSES: tuple[Task, ...] = ("classes",)
BOTH: tuple[Task, ...] = ("binary", "classes")
LABELLED: tuple[Task, ...] = ("binary", "classes", "ordinal")


@dataclass(frozen=True)
class MetricEntry:
    """A metric before it is loaded.

    thing    ``module:ATTRIBUTE`` under ``ctk_tables.metrics``
    scores   what a prediction is to hold: labels are made of probabilities where it holds such
    about    one line: formula or scikit-learn's function
    climb    what ``ctk.blend.hill_climb`` climbs in its place, the best blends of both being the same; none: its score
    core     whether the toolkit offers it already, so that it is not registered again
    """

    name: str
    thing: str
    direction: Direction
    tasks: tuple[Task, ...]
    scores: Submits
    about: str
    climb: str | None = None
    core: bool = False


_ENTRIES = (
    MetricEntry("rmse", "numbers:rmse", "min", NUMBERS, "numbers", "root of the mean squared error", "rmse", core=True),
)
CATALOGUE = {each.name: each for each in _ENTRIES}
"""Entries by name, those that suit most competitions first."""
