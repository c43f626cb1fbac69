"""The sample submission: the weights of the columns, and the ids that are asked for, in their order."""

from __future__ import annotations

import numpy as np

from ctk.contract import Progress
from ctk.errors import DataError
from ctk.samples import Array
from ctk_leap_climsim.columns import ZERO
from ctk_leap_climsim.tables.csv_table import CsvTable


def read_sample(sample: CsvTable, test: CsvTable, ids: Array, progress: Progress) -> tuple[Array, Array]:
    """What a submission is multiplied with, (368,): the values of the sample, alike in all its rows; and (N,) its ids.

    A sample submission of zeros only says nothing, and weights are then 1, and 0 in the ZERO columns.
    Raises DataError where rows differ, and where its ids are not those of the test set, or are there twice.
    """
    parts: list[Array] = []
    weights: Array | None = None
    for block in sample.blocks():
        if not len(block.ids):  # behind a bad cell, which the end of the table is told of
            continue
        weights = block.values[0].copy() if weights is None else weights
        if (unlike := (block.values != weights).any(axis=1)).any():
            raise DataError(
                f"{sample.path}, {sample.where(int(block.rows[unlike.argmax()]))}: is unlike the first row.",
                "Its rows are the weights of the columns, and alike: use the competition's own file.",
            )
        parts.append(block.ids)
        progress(f"reading {sample.path.name}", block.after.offset, sample.size)
    named = np.concatenate(parts) if parts else np.empty(0, np.int64)
    for table, these in ((test, ids), (sample, named)):
        _check_unique(table, these)
    for table, these, other, others in ((test, ids, sample, named), (sample, named, test, ids)):
        if len(alone := np.flatnonzero(~np.isin(these, others))):
            raise DataError(
                f"{table.path}: {len(alone):,} of its {len(these):,} ids are not in {other.path.name}; the first is "
                f"test_{these[alone[0]]} in {table.where(int(alone[0]))}.",
                "Use the test set and the sample submission that belong together; data.old=true takes the old pair.",
            )
    return np.where(ZERO, 0.0, 1.0) if weights is None or not weights.any() else weights, named


def _check_unique(table: CsvTable, ids: Array) -> None:
    order = np.argsort(ids, kind="stable")
    again = np.flatnonzero(ids[order[1:]] == ids[order[:-1]])
    if len(again):
        first, second = (int(order[again[0] + i]) for i in (0, 1))
        raise DataError(
            f"{table.path}, {table.where(second)}: test_{ids[second]} is also in {table.where(first)}; "
            f"{len(again):,} of {len(ids):,} ids repeat.",
            "Every row has an id of its own.",
        )
