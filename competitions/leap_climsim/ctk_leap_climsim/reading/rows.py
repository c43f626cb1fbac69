"""Rows on their way into the store: what both layouts of files give, and a writer that keeps count and statistics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from ctk.data import SamplesWriter
from ctk.files import write_text
from ctk.samples import Array, Targets
from ctk_leap_climsim.columns import EXACT_INPUTS, GROUPS, INPUTS, TARGETS
from ctk_leap_climsim.reading.statistics import Running
from ctk_leap_climsim.tables.table import Place

BadRows = Literal["error", "drop"]
COMMIT = 200_000
"""Rows between commits: 1 GB, which is read again in seconds to a minute."""
ROW_BYTES = {
    "train": 8 + 2 * 8 + 4 * len(INPUTS) + 8 * len(EXACT_INPUTS) + 8 * len(TARGETS),
    "test": 8 + 4 * len(INPUTS) + 8 * len(EXACT_INPUTS),
}
ROW_BYTES["truth"] = ROW_BYTES["test"] + 8 * len(TARGETS)
"""Room that a row takes in the store."""


class Rows(NamedTuple):
    """Columns of air.

    columns  (n, 556) float32
    liquid   (n, 16) float64: the cloud liquid that the exact targets come from
    target   (n, 368) float64, or None
    """

    columns: Array
    liquid: Array
    target: Array | None

    @classmethod
    def none(cls) -> Rows:
        """For data without a training table."""
        return cls(
            np.empty((0, len(INPUTS)), np.float32), np.empty((0, len(EXACT_INPUTS))), np.empty((0, len(TARGETS)))
        )

    def take(self, rows: Array) -> Rows:
        """Those at some row numbers."""
        return Rows(self.columns[rows], self.liquid[rows], None if self.target is None else self.target[rows])


def present(place: Path) -> int:
    """Bytes of prepared arrays that a killed call left in a folder."""
    return sum(path.stat().st_size for path in place.rglob("*.npy"))


def write_about(place: Path, about: str) -> None:
    """The line for people, where ``Data.open`` looks for it."""
    write_text(place / "about.json", json.dumps(about))


class RowsWriter:
    """Appends rows to one part of the prepared data, commits now and then, and goes on where a killed one was.

    place            how far the files had been read when the last rows were appended
    inputs, targets  statistics of the rows that are trained on
    """

    def __init__(self, folder: Path) -> None:
        self.store = SamplesWriter(folder)
        self.place, self.inputs, self.targets = Place(), Running(len(INPUTS)), Running(len(TARGETS))
        if self.store.state is not None:
            self.place = Place(*self.store.state["place"])
            self.inputs = Running.of(self.store.state["inputs"])
            self.targets = Running.of(self.store.state["targets"])
        self._committed = self.store.rows

    def append(self, after: Place, ids: Array, rows: Rows, groups: dict[str, Array] | None = None) -> None:
        """Add rows, read up to ``after``; of rows with a group "fold", those of training (-1) come first."""
        arrays = {"ids": ids, "features/columns": rows.columns, "features/cloud_liquid": rows.liquid}
        if rows.target is not None:
            arrays["target"] = rows.target
        if groups is not None:
            arrays |= {f"groups/{name}": values for name, values in groups.items()}
            trained = int((groups["fold"] < 0).sum())
            self.inputs.add(rows.columns[:trained])
            if rows.target is not None:
                self.targets.add(rows.target[:trained])
        self.store.append(arrays)
        self.place = after
        if self.store.rows - self._committed >= COMMIT:
            self.commit()

    def commit(self) -> None:
        """Make what was appended survive."""
        statistics = {"inputs": self.inputs.state(), "targets": self.targets.state()}
        self.store.commit({"place": self.place, **statistics})
        self._committed = self.store.rows

    def constants(self, weights: Array) -> dict[str, Array]:
        """Statistics of the training rows and weights of the columns, as every part of the data has them.

        Where no rows are trained on, means are 0 and deviations 1.
        """
        return {
            "feature_mean": self.inputs.mean,
            "feature_std": self.inputs.std if self.inputs.count else np.ones(len(INPUTS)),
            "target_mean": self.targets.mean,
            "target_std": self.targets.std if self.targets.count else np.ones(len(TARGETS)),
            "weights": weights,
        }

    def finish(self, constants: dict[str, Array]) -> None:
        """From now on ``Samples.open`` reads the folder."""
        self.store.finish(constants, Targets(np.array(TARGETS), GROUPS))
