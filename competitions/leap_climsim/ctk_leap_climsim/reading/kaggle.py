"""Kaggle's tables into prepared samples: train.csv, test.csv and sample_submission.csv, or the _old pair of the latter.

The rows of train.csv are those of its time steps, GRID each, in the order of time (``for_kaggle_users.py`` of ClimSim's
repository), so that n of ``train_<n>`` gives the time step. The test set is shuffled.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ctk.contract import DataItem, Progress
from ctk.errors import CtkError, DataError
from ctk.files import check_room
from ctk.samples import Array, Samples
from ctk_leap_climsim.columns import EXACT_INPUTS, GRID, INPUTS, TARGETS
from ctk_leap_climsim.reading.ahead import ahead
from ctk_leap_climsim.reading.extent import first_validated, rows_about
from ctk_leap_climsim.reading.left import check_left
from ctk_leap_climsim.reading.row_index import RowIndex
from ctk_leap_climsim.reading.rows import ROW_BYTES, BadRows, Rows, RowsWriter, present, write_about
from ctk_leap_climsim.reading.sample_submission import read_sample
from ctk_leap_climsim.tables.csv_table import CsvTable
from ctk_leap_climsim.tables.table import Block, Place

GET = (
    "Fetch it with 'ctk data leap-climsim --download --data DIR' (plugin ctk-kaggle), or give no folder to use "
    "synthetic columns."
)


@dataclass(frozen=True)
class Tables:
    """Kaggle's files. Without ``train`` there is nothing to train on, only to predict."""

    train: Path | None
    test: Path
    sample: Path

    @property
    def paths(self) -> list[Path]:
        """Those there are."""
        return [path for path in (self.train, self.test, self.sample) if path is not None]


def locate(folder: Path, old: bool) -> Tables | None:
    """The tables of a folder; None where there is none of them. ``old`` takes the pair of before the test set changed.

    Where only the old pair is there, it is taken. Raises DataError for a table that is missing beside others.
    """
    pairs = {kind: (folder / f"test{kind}.csv", folder / f"sample_submission{kind}.csv") for kind in ("", "_old")}
    train = folder / "train.csv"
    if not any(path.is_file() for path in (train, *pairs[""], *pairs["_old"])):
        return None
    only_old = any(path.is_file() for path in pairs["_old"]) and not any(path.is_file() for path in pairs[""])
    test, sample = pairs["_old" if old or only_old else ""]
    for path in (test, sample):
        if not path.is_file():
            raise DataError(f"{path}: there is no such file.", GET)
    return Tables(train if train.is_file() else None, test, sample)


def describe(folder: Path) -> list[DataItem]:
    """The tables of a folder, and those that are missing beside them; the old pair only where it is. Never raises."""
    names = ["train.csv", "test.csv", "sample_submission.csv"]
    old = [name for name in ("test_old.csv", "sample_submission_old.csv") if (folder / name).is_file()]
    return [_described(folder / name) for name in [*names, *old]]


def _described(path: Path) -> DataItem:
    try:
        if not path.is_file():
            return DataItem(path.name, None, "", GET)
        columns = {"test": INPUTS, "trai": (*INPUTS, *TARGETS)}.get(path.name[:4], TARGETS)
        table = CsvTable(path, columns, prefix="")
        return DataItem(path.name, path, f"{table.size / 1e9:,.2f} GB, about {rows_about(table):,} rows", "")
    except (CtkError, OSError) as error:
        return DataItem(path.name, path, f"damaged: {str(error).splitlines()[0]}", GET)


def prepare(tables: Tables, place: Path, bad_rows: BadRows, valid: float, progress: Progress, index: RowIndex) -> None:
    """Write the samples of all tables to a folder, or what a killed call left of that work.

    valid   share of the time steps of train.csv, its last ones, that is validated on
    index   which of the others are trained on
    memory  some hundreds of MB, and the ids
    Raises DataError that names file, line and column of what is wrong.
    """
    train = None if tables.train is None else CsvTable(tables.train, (*INPUTS, *TARGETS), prefix="train_")
    if train is not None:
        train.mend = "Leave those rows out of training with -o data.bad_rows=drop, or mend them."
    test = CsvTable(tables.test, INPUTS, prefix="test_")
    test.mend = "Mend them: every row of it is predicted."
    sample = CsvTable(tables.sample, TARGETS, prefix="test_", ordered=True)
    begins = 0 if train is None else first_validated(train, valid)
    needed = sum(rows_about(table) * ROW_BYTES[part] for table, part in ((train, "train"), (test, "test")) if table)
    check_room(place, needed - present(place), "Preparing the data")

    trained, predicted = RowsWriter(place / "train"), RowsWriter(place / "test")
    if trained.store.finished:  # which comes last
        return
    if predicted.store.finished:
        constants = Samples.open(place / "test").constants
        weights, asked = constants["weights"], constants["asked"]
    else:  # What is small comes first: it would be a pity to find it wrong after an hour.
        _append_test(test, predicted, progress)
        weights, asked = read_sample(sample, test, predicted.store.written("ids"), progress)
    if train is None:
        none = np.empty(0, np.int64)
        trained.append(Place(), none, Rows.none(), _groups(none, 0))
    else:
        _append_train(train, begins, trained, bad_rows, progress, index)
        index.check(trained.place.rows)
        check_left(trained)
    constants = trained.constants(weights)
    if not predicted.store.finished:
        predicted.finish({**constants, "asked": asked})
    write_about(place, _about(trained, begins, len(Samples.open(place / "test"))))
    trained.finish(constants)


def _append_test(table: CsvTable, writer: RowsWriter, progress: Progress) -> None:
    for block in ahead(table.blocks(writer.place)):
        writer.append(block.after, block.ids, _rows(table, block))
        _tell(progress, table, block)
    if not writer.store.rows:
        raise DataError(f"{table.path}: has no rows.", "Download it again.")
    writer.commit()


def _append_train(
    table: CsvTable, begins: int, writer: RowsWriter, bad_rows: BadRows, progress: Progress, index: RowIndex
) -> None:
    """Append the rows that a killed call did not; those from time step ``begins`` on are validated on."""
    last = int(writer.store.written("ids")[-1]) if writer.store.rows else -1
    for block in ahead(table.blocks(writer.place, bad_rows)):
        before = np.concatenate([[last], block.ids])[:-1]
        if (behind := block.ids <= before).any():
            at = int(behind.argmax())
            raise DataError(
                f"{table.path}, {table.where(int(block.rows[at]))}: train_{block.ids[at]} follows train_{before[at]}.",
                "Rows come in the order of their ids, as in the competition's file: the last are validated on.",
            )
        last = int(block.ids[-1]) if len(block.ids) else last
        groups = _groups(block.ids, begins)
        taken = np.flatnonzero(index.take(block.rows) | (groups["fold"] >= 0))
        rows = _rows(table, block).take(taken)
        writer.append(block.after, block.ids[taken], rows, {name: each[taken] for name, each in groups.items()})
        _tell(progress, table, block)
    writer.commit()


def _groups(ids: Array, begins: int) -> dict[str, Array]:
    time = ids // GRID
    return {"time": time, "fold": np.where(time < begins, -1, 0)}


def _rows(table: CsvTable, block: Block) -> Rows:
    """Rows of a block's values, (n, 556) or (n, 924)."""
    values = block.values
    with np.errstate(over="ignore"):
        columns = values[:, : len(INPUTS)].astype(np.float32)
    if not (fine := np.isfinite(columns)).all():
        row, column = (int(number) for number in np.unravel_index(fine.argmin(), fine.shape))
        raise DataError(
            f"{table.path}, {table.where(int(block.rows[row]))}, column {INPUTS[column]}: "
            f"{values[row, column]:g} is too large for float32.",
            "Mend that cell.",
        )
    target = values[:, len(INPUTS) :].copy() if values.shape[1] > len(INPUTS) else None
    return Rows(columns, values[:, EXACT_INPUTS], target)


def _tell(progress: Progress, table: CsvTable, block: Block) -> None:
    progress(f"reading {table.path.name}", block.after.offset, table.size)


def _about(train: RowsWriter, begins: int, predicted: int) -> str:
    if not train.store.rows:
        return f"{predicted:,} columns of air to predict; no train.csv, so that only --stage predict works"
    steps = int(train.store.written("ids")[-1]) // GRID + 1 - begins
    return (
        f"{train.inputs.count:,} columns of air to train on, {train.store.rows - train.inputs.count:,} to validate on "
        f"(the last {steps:,} time steps), {predicted:,} to predict"
        + (f"; {train.place.bad_rows:,} rows with bad cells dropped" if train.place.bad_rows else "")
    )
