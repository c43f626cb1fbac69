"""Pairs of netCDF files into prepared samples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ctk.contract import Progress
from ctk.data import link_samples
from ctk.errors import DataError
from ctk.files import check_room
from ctk.samples import Array
from ctk_leap_climsim.columns import ZERO
from ctk_leap_climsim.reading.ahead import ahead
from ctk_leap_climsim.reading.climsim import Pair, PairReader, Parts, cell
from ctk_leap_climsim.reading.left import check_left
from ctk_leap_climsim.reading.row_index import RowIndex
from ctk_leap_climsim.reading.rows import ROW_BYTES, BadRows, Rows, RowsWriter, present, write_about
from ctk_leap_climsim.tables.table import Place

NO_NUMBER = "NaN, infinite or fill values"


def prepare(parts: Parts, place: Path, bad_rows: BadRows, progress: Progress, index: RowIndex) -> None:
    """Write the samples of all parts to a folder, or what a killed call left of that work.

    index   which rows of the training part are taken
    memory  some tens of MB
    Raises DataError for files that are damaged or do not fit together, and for cells that are no numbers.
    """
    trained, valid, test = (parts.pairs[part] for part in ("train", "valid", "test"))
    steps = {"train": len(trained) + len(valid), "truth": len(test)}
    needed = sum(parts.width * count * ROW_BYTES[part] for part, count in steps.items())
    check_room(place, needed - present(place), "Preparing the data")

    train, truth = RowsWriter(place / "train"), RowsWriter(place / "truth")
    if train.store.finished:  # which comes last
        return
    index.check(len(trained) * parts.width)
    fold = np.repeat(np.array([-1, 0]), [len(trained), len(valid)])
    _append([*trained, *valid], parts.width, train, fold, bad_rows, _told(progress, 0, sum(steps.values())), index)
    check_left(train)
    constants = train.constants(np.where(ZERO, 0.0, 1.0))
    if not truth.store.finished:
        _append(test, parts.width, truth, None, "error", _told(progress, steps["train"], sum(steps.values())), index)
        truth.finish(constants)
    link_samples(place / "truth", place / "test", without=["target"])
    write_about(place, _about(parts, train))
    train.finish(constants)


def _append(
    pairs: list[Pair],
    width: int,
    writer: RowsWriter,
    fold: Array | None,
    bad_rows: BadRows,
    tell: Callable[[int], None],
    index: RowIndex,
) -> None:
    """Append the time steps that a killed call did not; ``fold`` has one number a time step."""
    place = writer.place
    if not pairs:  # the arrays are there all the same
        none = np.empty(0, np.int64)
        writer.append(place, none, Rows.none(), None if fold is None else {"time": none, "fold": none})
    reader = PairReader(width)
    for number, (rows, bad) in enumerate(ahead(map(reader.read, pairs[place.offset :])), start=place.offset):
        tell(number + 1)
        ids = np.arange(number * width, (number + 1) * width)
        place = place._replace(offset=number + 1, rows=place.rows + width)
        if bad is not None:
            place = _counted(place, bad, pairs[number])
            fine = np.flatnonzero(~bad.any(axis=1))
            ids, rows = ids[fine], rows.take(fine)
        if fold is not None and fold[number] < 0 and index.path is not None:
            taken = np.flatnonzero(index.take(ids))
            ids, rows = ids[taken], rows.take(taken)
        if place.bad_cells and bad_rows == "error":
            continue  # to its end, for the count
        groups = None if fold is None else {"time": np.full(len(ids), number), "fold": np.full(len(ids), fold[number])}
        writer.append(place, ids, rows, groups)
    writer.commit()
    if place.bad_cells and bad_rows == "error":
        raise DataError(
            f"{place.bad_cells:,} cells of {place.bad_rows:,} columns of air are {NO_NUMBER}; the first is in "
            f"{place.first_bad}.",
            "Mend the files."
            if fold is None
            else "Leave them out of training with -o data.bad_rows=drop, or mend them.",
        )


def _counted(place: Place, bad: Array, pair: Pair) -> Place:
    column, number = (int(index) for index in np.unravel_index(bad.argmax(), bad.shape))
    return place._replace(
        bad_cells=place.bad_cells + int(bad.sum()),
        bad_rows=place.bad_rows + int(bad.any(axis=1).sum()),
        first_bad=place.first_bad or cell(pair, column, number),
    )


def _told(progress: Progress, before: int, total: int) -> Callable[[int], None]:
    return lambda done: progress("reading time steps", before + done, total)


def _about(parts: Parts, train: RowsWriter) -> str:
    trained, validated, dropped = train.inputs.count, train.store.rows - train.inputs.count, train.place.bad_rows
    what = "synthetic columns of air, stepped by real schemes," if parts.synthetic else "columns of air"
    return (
        f"{trained:,} {what} to train on ({parts.months['train']}), {validated:,} to validate on "
        f"({parts.months['valid']}), {len(parts.pairs['test']) * parts.width:,} to predict ({parts.months['test']})"
        + (f"; {dropped:,} with bad cells dropped" if dropped else "")
    )
