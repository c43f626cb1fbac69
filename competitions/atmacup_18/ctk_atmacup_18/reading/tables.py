"""The tables of features and of the truth as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ctk.data import MEND, TextTable
from ctk.errors import DataError
from ctk.samples import Array
from ctk_atmacup_18.columns import FEATURES, GEAR, ID, NUMBERS, TARGETS, Moment
from ctk_atmacup_18.reading import cells

TRAIN, TEST, TRUTH = "train_features.csv", "test_features.csv", "test_truth.csv"
GET = (
    "Fetch the data from https://www.guruguru.science/competitions/25, which asks for an account; "
    "give no folder to use scenes of a game."
)


@dataclass(frozen=True)
class Table:
    """The rows of one file, in its order.

    ids       (N,) str
    moments   what they say
    features  by column, (N,) float32, but str of the gear; none of a truth
    target    (N, 18) float32, or None
    ignored   columns that are there and not read
    """

    path: Path
    ids: Array
    moments: Sequence[Moment]
    features: dict[str, Array]
    target: Array | None
    ignored: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def where(self, row: int) -> str:
        """A row for people."""
        return f"row {row + 1:,} of {self.path.name}"


def read_features(path: Path, targets: bool) -> Table:
    """Read a table of features, of the training rows with their targets. Raises DataError."""
    known = (ID, *FEATURES, *(TARGETS if targets else ()))
    table = TextTable.read(path, known, ID)
    moments = cells.moments(table)
    features = {}
    for name in FEATURES:
        if name == GEAR:
            values = table.words(name)
        else:
            values = table.numbers(name) if name in NUMBERS else cells.switches(table, name)
        features[name] = values if name == GEAR else values.astype(np.float32)
    target = _target(table) if targets else None
    return Table(path, table.text(ID), moments, features, target, [name for name in table.columns if name not in known])


def no_rows(path: Path) -> Table:
    """A training table without rows, where there is only something to predict."""
    features = {name: np.empty(0, "U1" if name == GEAR else np.float32) for name in FEATURES}
    return Table(path, np.empty(0, "U1"), [], features, np.empty((0, len(TARGETS)), np.float32))


def read_truth(path: Path, ids: Array | None = None) -> Table:
    """Read a table of ids and targets; rows in the order of these ids.

    A submission has no ids, and its rows are those of test_features.csv: where no ids are given, and that lies beside
    the truth, its order is taken; else the truth's own. Raises DataError.
    """
    table = TextTable.read(path, (ID, *TARGETS), ID)
    truth = Table(path, table.text(ID), cells.moments(table), {}, _target(table))
    if not len(truth):
        raise DataError(f"{path}: there are no rows.", "A truth has a row for each test id.")
    beside = path.with_name(TEST)
    if ids is None and beside.is_file():
        ids = TextTable.read(beside, (ID,)).text(ID)
    return truth if ids is None else _in_order(truth, ids)


def _in_order(truth: Table, ids: Array) -> Table:
    place = {id: row for row, id in enumerate(truth.ids.tolist())}
    wanted = ids.tolist()
    if missing := [id for id in wanted if id not in place]:
        raise DataError(f"{truth.path}: has no row of {missing[0]}, which {TEST} has.", MEND)
    if more := place.keys() - set(wanted):
        row = min(place[id] for id in more)
        raise DataError(f"{truth.path}, row {row + 1:,}: {truth.ids[row]} is in no row of {TEST}.", MEND)
    rows = [place[id] for id in wanted]
    assert truth.target is not None
    return replace(truth, ids=truth.ids[rows], moments=[truth.moments[row] for row in rows], target=truth.target[rows])


def _target(table: TextTable) -> Array:
    return np.stack([table.numbers(name) for name in TARGETS], axis=1).astype(np.float32)
