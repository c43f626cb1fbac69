"""Every metric by name: which tasks it suits, what it scores, where it is made. Imports nothing heavy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ctk.contract import Direction
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

    thing    ``module:function`` under ``ctk_tables.metrics``
    tasks    that it suits
    scores   what a prediction is to hold: labels are made of probabilities where it holds such
    about    one line: formula or scikit-learn's function
    climb    what ``ctk.blend.hill_climb`` climbs in its place, the best blends of both being the same; none: its score,
             on a grid of shares
    options  of the function
    core     whether the toolkit offers it already, so that it is not registered again
    """

    name: str
    thing: str
    direction: Direction
    tasks: tuple[Task, ...]
    scores: Submits
    about: str
    climb: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    core: bool = False


def _numbers() -> Iterator[MetricEntry]:
    def number(name: str, about: str, climb: str | None = None, core: bool = False, **options: Any) -> MetricEntry:
        more = name in ("r2", "explained_variance", "d2_absolute_error", "pearson", "spearman", "normalized_gini")
        thing = options.pop("thing", name)
        tasks = REGRESSION if name in OF_SIZES or "@" in name or "deviance" in name else NUMBERS
        return MetricEntry(
            name, f"numbers:{thing}", "max" if more else "min", tasks, "numbers", about, climb, options, core
        )

    yield number("rmse", "root of the mean squared error", "rmse", core=True)
    yield number("mae", "mean absolute error", "mae", core=True)
    yield number("r2", "part of the target's variance that is explained", "r2", core=True)
    yield number("mse", "mean squared error", "mse", core=True)
    yield number("rmsle", "root of the mean squared error of log(1 + y)")
    yield number("msle", "mean squared error of log(1 + y)")
    yield number("mape", "mean absolute error in parts of the target", "mape")
    yield number("smape", "mean of 2 abs(y - x) / (abs(y) + abs(x)), from 0 to 2")
    yield number("wape", "sum of absolute errors over that of the targets", "mae")
    yield number("rmspe", "root of the mean squared error in parts of the target, where it is not 0", "rmspe")
    yield number("medae", "median absolute error")
    yield number("max_error", "largest absolute error")
    yield number("explained_variance", "r2 that forgives a constant error")
    yield number("d2_absolute_error", "1 - absolute error over that of the target's median")
    yield number("pearson", "correlation of numbers")
    yield number("spearman", "correlation of ranks")
    yield number("normalized_gini", "Gini of targets in the predictions' order over that in their own")
    for level in (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975):
        yield number(
            f"pinball@{level:g}", f"pinball loss of the quantile {level:g}", f"pinball@{level:g}",
            thing="pinball", level=level,
        )  # fmt: skip
    for name, power in (("poisson_deviance", 1), ("gamma_deviance", 2), ("tweedie_deviance@1.5", 1.5)):
        about = f"mean Tweedie deviance of power {power:g}"
        yield MetricEntry(
            name, "numbers:tweedie", "min", REGRESSION, "numbers", about, options={"power": power, "name": name}
        )


OF_SIZES = ("rmsle", "msle", "mape", "smape", "wape", "rmspe", "normalized_gini")
"""Metrics of amounts, which numbers of classes are not."""


def _probabilities() -> Iterator[MetricEntry]:
    def given(name: str, thing: str, tasks: tuple[Task, ...], about: str, climb: str | None = None, **more: Any) -> Any:
        direction: Direction = "min" if name in ("log_loss", "logloss", "brier") else "max"
        core = more.pop("core", False)
        return MetricEntry(name, thing, direction, tasks, "probabilities", about, climb, more, core)

    yield given("auc", "ranking:auc", BINARY, "area under the ROC curve, columns meaned", "auc", core=True)
    yield given("log_loss", "probabilities:log_loss", BOTH, "mean of -log of what the truth was given", "logloss")
    yield given("logloss", "probabilities:log_loss", BOTH, "the toolkit's name of log_loss", "logloss", core=True)
    yield given("brier", "probabilities:brier", BOTH, "squared error of probabilities, summed over classes", "mse")
    yield given("average_precision", "ranking:average_precision", BOTH, "precision by steps of recall, columns meaned")
    yield given("gini", "ranking:gini", BINARY, "2 auc - 1", "auc")
    yield given("auc_ovr", "ranking:auc_ovr", BOTH, "mean area of each class against the rest", "auc")
    yield given("auc_ovo", "ranking:auc_ovo", CLASSES, "mean area of each pair of classes, both ways")
    for k in (1, 3, 5, 7, 10, 12, 20):
        about = f"mean average precision of the {k} largest columns" if k > 1 else "precision of the largest column"
        yield given(f"map@{k}", "ranking:map_at", BOTH, about, k=k)
    for k in (2, 3, 5):
        yield given(
            f"top_k_accuracy@{k}", "ranking:top_k_accuracy", CLASSES, f"rows whose class is in the {k} largest", k=k
        )
    yield given("ndcg", "ranking:ndcg", ("regression", *BOTH), "normalised gain of a row's columns in their order")
    for k in (3, 5, 10, 20):
        about = f"the same of the {k} largest columns"
        yield given(f"ndcg@{k}", "ranking:ndcg", ("regression", *BOTH), about, k=k)


def _labels() -> Iterator[MetricEntry]:
    def label(name: str, about: str, tasks: tuple[Task, ...] = LABELLED) -> MetricEntry:
        return MetricEntry(name, "labels:label_score", "max", tasks, "labels", about, name, {"score": name})

    yield replace(label("accuracy", "share of labels that are right", BOTH), core=True)
    yield label("balanced_accuracy", "mean recall of the labels")
    yield label("f1", "F1 of ones", BINARY)
    yield label("f1_macro", "mean F1 of the labels")
    yield label("quadratic_kappa", "Cohen's kappa by squared distances of labels in an order")
    yield label("mcc", "Matthews' correlation coefficient")
    yield label("cohen_kappa", "agreement beyond chance")
    yield label("f1_micro", "F1 of all labels together")
    yield label("f1_weighted", "mean F1 of labels by their rows")
    yield label("f0.5", "F of ones that prefers precision", BINARY)
    yield label("f2", "F of ones that prefers recall", BINARY)
    for name in ("precision", "recall", "jaccard"):
        yield label(name, f"{name} of ones", BINARY)
        yield label(f"{name}_macro", f"mean {name} of the labels")
        yield label(f"{name}_micro", f"{name} of all labels together")
        yield label(f"{name}_weighted", f"mean {name} of labels by their rows")
    yield MetricEntry("hamming", "labels:hamming", "min", BOTH, "labels", "share of labels that are wrong", "accuracy")
    yield MetricEntry(
        "subset_accuracy", "labels:subset_accuracy", "max", BINARY, "labels", "rows whose every column is right"
    )


CATALOGUE: dict[str, MetricEntry] = {each.name: each for each in (*_numbers(), *_probabilities(), *_labels())}
"""Entries by name, those that suit most competitions first."""
ATTRIBUTES = {re.sub(r"\W", "_", name): each for name, each in CATALOGUE.items()}
"""Entries by names that Python's attributes may have: ``map_3``."""
