"""What is known of a table's rows but for their features: ids, targets, groups, and which are taken in what order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ctk.data import MEND
from ctk.errors import DataError
from ctk.samples import Array
from ctk_tables.description import TableDescription, TableFile
from ctk_tables.reading.cells import as_text, numbers, plain_texts, times
from ctk_tables.reading.frames import read_header, read_table
from ctk_tables.reading.targets import make_labels, make_targets

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class TableRows:
    """Rows of a table that are samples.

    order   (N,) int64: the file's row of each sample, from 0
    ids     (N,) int64 or str
    groups  by name, (N,) int64
    target  (N, T) float32; None of the test
    count   rows of the file
    """

    order: Array
    ids: Array
    groups: dict[str, Array]
    target: Array | None
    count: int


def train_rows(folder: Path, description: TableDescription, groups: dict[str, int]) -> TableRows:
    """Read ids, targets and groups of the training table; rows without a target are left out.

    groups  numbers of the groups' values, which are added here
    """
    file, path = description.train, folder / description.train.path
    table = _columns(folder, file, description, description.targets)
    target, known = make_targets(table, description, file, path)
    order = np.flatnonzero(known)
    if not len(order):
        raise DataError(f"{path}: no row has a target.", MEND)
    ids = read_ids(table, description.ids_in or description.id)
    if len(np.unique(ids)) < len(ids):  # several rows of one thing, whose folds the group keeps together
        ids = np.arange(len(ids))
    made = {name: values[order] for name, values in _groups(table, description, file, path, groups).items()}
    made["label"] = make_labels(target[order], description)
    return TableRows(order, ids[order], made, target[order], len(table))


def test_rows(folder: Path, description: TableDescription, groups: dict[str, int]) -> TableRows:
    """Read ids and groups of the test table, in the order of the sample submission, whose rows are all there are.

    Raises DataError for an id of the sample that the test has not, and for one that either has twice.
    """
    file, path = description.test, folder / description.test.path
    table = _columns(folder, file, description, ())
    made = _groups(table, description, file, path, groups)
    column = description.ids_in or description.id
    ids, order = read_ids(table, column), np.arange(len(table))
    sample = description.sample
    if sample is not None and description.id is not None:
        theirs = read_ids(read_table(folder, sample, [description.id]), description.id)
        where = folder / sample.path
        refuse_twice(theirs, where, description.id)
        if column in table.column_names:
            refuse_twice(ids, path, str(column))
            order = places_of(theirs, ids, where, description.id, path)
        elif len(theirs) != len(ids):
            raise DataError(f"{where}: has {len(theirs):,} rows, and {path.name} has {len(ids):,}.", MEND)
        else:
            ids = theirs
    elif column is not None:
        refuse_twice(ids, path, column)
    return TableRows(order, ids[order], {name: values[order] for name, values in made.items()}, None, len(table))


def read_ids(table: pa.Table, column: str | None) -> Array:
    """(N,) int64 where all are whole numbers as they are usually written, else str; rows are counted without any."""
    import pyarrow as pa
    from pyarrow import compute

    if column is None or column not in table.column_names:
        return np.arange(len(table))
    written = as_text(table[column].combine_chunks())
    try:
        whole = compute.cast(written, pa.int64())
    except pa.ArrowInvalid:
        whole = None
    if whole is not None and len(written) and compute.cast(whole, pa.string()).equals(written):
        return np.asarray(whole.to_numpy(zero_copy_only=False), np.int64)
    return written.to_numpy(zero_copy_only=False).astype(str) if len(written) else np.empty(0, "U1")


def refuse_twice(ids: Array, path: Path, column: str) -> None:
    """Raise DataError naming the first row whose id an earlier one has, or that has none."""
    _, first = np.unique(ids, return_index=True)
    if len(first) < len(ids):
        row = int(np.setdiff1d(np.arange(len(ids)), first)[0])
        before = int(np.flatnonzero(ids == ids[row])[0])
        raise DataError(
            f"{path}, row {row + 1:,}, column {column}: {ids[row]} is in row {before + 1:,} already.",
            "An id names one row; name another column with --id, or 'none'.",
        )


def places_of(ids: Array, among: Array, path: Path, column: str, other: Path) -> Array:
    """(N,) int64: rows of ``among`` that have these ids. Raises DataError for one that none has."""
    if ids.dtype.kind != among.dtype.kind:
        ids, among = ids.astype(str), among.astype(str)
    if np.array_equal(ids, among):
        return np.arange(len(ids))
    sorted_rows = np.argsort(among, kind="stable")
    found = np.searchsorted(among, ids, sorter=sorted_rows).clip(max=max(0, len(among) - 1))
    places = sorted_rows[found] if len(among) else found
    wrong = among[places] != ids if len(among) else np.ones(len(ids), bool)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f"{path}, row {row + 1:,}, column {column}: {str(ids[row])[:60]!r} is in no row of {other.name}.",
            "Is the sample submission that of this test? Say otherwise with --test, --sample or --id.",
        )
    return places


def _columns(folder: Path, file: TableFile, description: TableDescription, more: tuple[str, ...]) -> pa.Table:
    """Read the columns that tell of rows, as far as the file has them; one at least, to count rows."""
    there = read_header(folder, file).names
    asked = (description.ids_in or description.id, *more, description.group, description.time)
    names = [name for name in dict.fromkeys(asked) if name in there or name in more]
    return read_table(folder, file, [name for name in names if name is not None] or [there[0]])


def _groups(
    table: pa.Table, description: TableDescription, file: TableFile, path: Path, numbered: dict[str, int]
) -> dict[str, Array]:
    made: dict[str, Array] = {}
    if description.group is not None:
        for text in (values := plain_texts(table[description.group].combine_chunks())).tolist():
            numbered.setdefault(text, len(numbered))
        made["group"] = np.array([numbered[text] for text in values.tolist()], np.int64)
    if description.time is not None:
        made["time"] = _seconds(table[description.time].combine_chunks(), description, file, path)
    return made


def _seconds(cells: pa.Array, description: TableDescription, file: TableFile, path: Path) -> Array:
    """(N,) int64: seconds since 1970 of a column of dates, a number's whole part of others."""
    column = str(description.time)
    how = description.columns.get(column)
    if how is not None and how.kind == "date":
        moments, none = times(cells, how.format, how.missing)
        seconds = moments.to_numpy("datetime64[s]").astype(np.int64)
        none = none | moments.isna().to_numpy(bool)
    else:
        values, none = numbers(cells, file.dialect.decimal if file.dialect else ".")
        none = none | np.isnan(values)
        seconds = np.nan_to_num(values).astype(np.int64)
    if none.any():
        row = int(none.argmax())
        raise DataError(
            f"{path}, row {row + 1:,}, column {column}: {str(cells[row])[:40]!r} is no time, and folds go by it.",
            "Mend the cell, or say --time none.",
        )
    return seconds
