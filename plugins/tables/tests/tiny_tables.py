"""Competitions whose data is a small table made up on the spot, one a task: a plugin of one file for tests.

Their samples are as a table's reader makes them: numbers with gaps, a category with texts that only the test has, free
text, a date taken apart. Each of these says something about the target.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ctk import hookimpl
from ctk.api import metric_of
from ctk.samples import Data, Samples, Targets
from ctk.testing.toy.toy_competition import ToyCompetition
from ctk.testing.toy.toy_samples import FLAVOUR, ToyReader
from ctk_tables.description import Column, TableDescription, TableFile
from ctk_tables.presets import presets_for

ROWS, TEST = 240, 60
CLASSES = ("high", "low", "mid")
METRICS = {"regression": "rmse", "binary": "auc", "classes": "logloss", "ordinal": "mse"}
WORDS = np.array(["bad", "fair", "good"])
INSTALLED = ("lightgbm", "xgboost", "catboost")


def describe(task: str) -> TableDescription:
    """What is known of the table of a task."""
    kinds = {"size": "number", "part": "number", "owner": "category", "said of it": "text", "sold": "date"}
    return TableDescription(
        train=TableFile(path="train.csv"),
        test=TableFile(path="test.csv"),
        targets=("y",),
        task=task,
        classes=CLASSES if task == "classes" else (),
        metric=METRICS[task],
        columns={name: Column(kind=kind) for name, kind in kinds.items()},
    )


def make_samples(task: str, rows: int = ROWS, test: int = TEST) -> tuple[Samples, Samples]:
    """Training samples, and test samples with their targets."""
    random = np.random.default_rng(0)
    count = rows + test
    size, part = random.standard_normal((2, count)).astype(np.float32)
    owner = random.choice(["ann", "bob", "cy", "dee"], count)
    word = random.integers(3, size=count)
    month = random.integers(1, 13, count)
    worth = np.sin(2 * size) + part + np.array([-1, 0, 1, 2])[np.searchsorted(np.unique(owner), owner)]
    worth = worth + (word - 1) + 0.5 * np.cos(month / 2) + 0.3 * random.standard_normal(count)
    part[random.random(count) < 0.1] = np.nan
    owner[random.random(count) < 0.05] = ""
    owner[rows : rows + 5] = "eve"
    level = np.digitize(worth, np.quantile(worth, (1 / 3, 2 / 3)))
    target = {
        "regression": worth[:, None],
        "binary": (worth > np.median(worth))[:, None],
        "classes": np.eye(3)[level],
        "ordinal": level[:, None],
    }[task].astype(np.float32)
    names = np.array(CLASSES if task == "classes" else ["y"])
    samples = Samples(
        ids=np.arange(count),
        features={
            "size": size,
            "part": part,
            "owner": owner,
            "said of it": np.array([f"they said it is {each} ({n % 7})" for n, each in enumerate(WORDS[word])]),
            "sold/month": month.astype(np.float32),
            "sold/days": (17_000 + 30 * month).astype(np.float32),
        },
        target=target,
        groups={"label": level.astype(np.int64)},
        targets=Targets(names, names),
    )
    return samples.take(np.arange(rows)), samples.take(np.arange(rows, count))


class TinyReader(ToyReader):
    """Makes the samples of the task that a file names."""

    def read(self, folder: Path) -> Data:
        train, truth = make_samples((folder / FLAVOUR).read_text().removeprefix("tiny-"))
        return Data(train, replace(truth, target=None), folder, "a tiny table", truth)


class TinyTable(ToyCompetition):
    """A table of one task."""

    reader = "tiny-tables"
    embedded = default = "quick"

    def presets(self):
        return presets_for(describe(self.id.removeprefix("tiny-")), ROWS, INSTALLED)

    def _draw(self, folder):
        """There are no pictures."""

    def evaluate(self, prediction, samples):
        return {self.metric: metric_of(self.metric).score(prediction, samples)}

    def read_truth(self, path):
        return make_samples(path.read_text().removeprefix("tiny-"))[1]


def _competition(task: str) -> type[TinyTable]:
    own = {"id": f"tiny-{task}", "title": task, "metric": METRICS[task], "headline": (METRICS[task],)}
    return type(f"Tiny{task.title()}", (TinyTable,), {"__module__": __name__, "__doc__": task, **own})


TinyRegression, TinyBinary, TinyClasses, TinyOrdinal = map(_competition, METRICS)


@hookimpl
def ctk_register_competitions(register):
    for task in METRICS:
        register(f"tiny-{task}", f"{__name__}:Tiny{task.title()}", task)


@hookimpl
def ctk_register_data(register):
    register("tiny-tables", f"{__name__}:TinyReader", "a table made up on the spot")
