"""Results of a run on made columns, whose blend is right but where it was told to err."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ctk.contract import Blend, Metric, Results
from ctk.samples import Array, Samples
from ctk_tables.description import Column, TableDescription, TableFile
from ctk_tables.looks.sides import Sides


class Run:
    """Columns of both sides, the truth of train's rows and the blend of them."""

    def __init__(
        self, train: Mapping[str, Array], test: Mapping[str, Array], truth: Array, blended: Array | None,
        **described: Any,
    ):  # fmt: skip
        kinds = {name: "category" if np.asarray(values).dtype.kind == "U" else "number" for name, values in train.items()}  # noqa: E501  # fmt: skip
        facts = {"task": "regression", "metric": "rmse", "targets": ("y",)} | described
        self.description = TableDescription(
            train=TableFile(path="train.csv"),
            test=TableFile(path="test.csv"),
            columns={name: Column(kind=kind) for name, kind in kinds.items()},
            **facts,
        )
        valid = Samples(np.arange(len(truth)), train, np.asarray(truth, np.float32))
        asked = Samples(np.arange(len(next(iter(test.values())))), test)
        self.sides = Sides(valid, asked, self.description)
        scores = {key: {self.description.metric: 1.0} for key in ("tree", "blend")}
        metric = Metric(self.description.metric, "min", lambda prediction, samples: 0.0)
        self.results = Results(
            title="A table", folder=Path("1201-0200-quick"), config={"members": []}, environment={}, about="rows",
            metric=metric, headline=(metric.name,), valid=valid, oof={} if blended is None else {"tree": blended},
            blended=blended, blend=Blend({"tree": 1.0}), scores=scores,
            curves={}, seconds={}, baselines=frozenset(), test=asked, submitted=np.zeros(len(asked)),
            submission=Path("submission.csv"),
        )  # fmt: skip


@pytest.fixture
def dice() -> np.random.Generator:
    return np.random.default_rng(11)


@pytest.fixture
def run() -> type[Run]:
    return Run
