"""Samples as the reader makes them, from arrays."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from ctk.samples import Array, Samples
from ctk_tables.description import Column, Kind, TableDescription, TableFile, Task
from ctk_tables.looks import Warning, look_at
from ctk_tables.looks.sides import Sides


class Table:
    """Columns of both sides, cut at random or where ``cut`` says, and the warnings of it."""

    def __init__(
        self, columns: Mapping[str, Array], target: Array, task: Task = "regression", *, metric: str = "rmse",
        test: Array | None = None, ids: Array | None = None, classes: Sequence[str] = (), seed: int = 0,
        kinds: Mapping[str, Kind] | None = None, groups: Mapping[str, Array] | None = None,
        group: str | None = None, time: str | None = None,
    ):  # fmt: skip
        rows = len(target)
        if test is None:
            test = np.random.default_rng(seed).permutation(rows) < rows // 3
        features = {
            name: np.asarray(values) if np.asarray(values).dtype.kind == "U" else np.asarray(values, np.float32)
            for name, values in columns.items()
        }
        given = kinds or {}
        kind = {
            name: given.get(name, "category" if values.dtype.kind == "U" else "number")
            for name, values in features.items()
        }
        if task == "classes":
            names, place = np.unique(target, return_inverse=True)
            classes = classes or [str(name) for name in names]
            target = np.eye(len(classes), dtype=np.float32)[place]
        else:
            target = np.asarray(target, np.float32).reshape(rows, -1)
        both = Samples(np.arange(rows) if ids is None else ids, features, target, groups=groups or {})
        self.train, self.test = both.take(np.flatnonzero(~test)), both.take(np.flatnonzero(test))
        width = 1 if task == "classes" else target.shape[1]
        self.description = TableDescription(
            train=TableFile(path="train.csv"),
            test=TableFile(path="test.csv"),
            id="id",
            targets=("y",) if width == 1 else tuple(f"y{k}" for k in range(width)),
            task=task,
            classes=tuple(classes),
            metric=metric,
            group=group,
            time=time,
            columns={name: Column(kind=each) for name, each in kind.items()},
        )

    def by(self, look: Callable[[Sides], list[Warning]]) -> dict[str, Warning]:
        """What one look says."""
        return {warning.name: warning for warning in look(Sides(self.train, self.test, self.description))}

    def warnings(self, seed: int = 0) -> dict[str, Warning]:
        return {warning.name: warning for warning in look_at(self.train, self.test, self.description, seed)}


@pytest.fixture
def dice() -> np.random.Generator:
    return np.random.default_rng(5)


@pytest.fixture
def table() -> type[Table]:
    return Table
