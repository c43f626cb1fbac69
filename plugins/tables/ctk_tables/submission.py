"""The submission file of a table's competition: columns, order, ids and words as the sample submission has them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ctk.contract import Submission
from ctk.errors import SubmissionError
from ctk.files import atomic
from ctk.samples import Array, Samples
from ctk_tables.description import Dialect, TableDescription


def columns_of(description: TableDescription) -> list[str]:
    """Name the submission's columns in their order; without a sample: the id, then a column a target or a class."""
    if description.submits_columns:
        return list(description.submits_columns)
    by_class = description.task == "classes" and description.submits == "probabilities"
    own = description.classes if by_class else description.targets
    return [*([description.id] if description.id is not None else []), *own]


def values_of(prediction: Array, description: TableDescription) -> Array:
    """Return what a submission holds of a prediction: (N, T) or (N, C) float32, labels as zeros and ones.

    Labels of several classes are one-hot, those of an order whole numbers.
    """
    values = np.asarray(prediction, np.float32).reshape(len(prediction), -1)
    if description.submits != "labels":
        return values
    if description.task == "classes":
        return _one_hot(values.argmax(axis=1), values.shape[1])
    if description.task == "binary":
        return (values >= 0.5).astype(np.float32)
    return np.clip(np.rint(values), 0, len(description.classes) - 1).astype(np.float32)


def write(path: Path, test: Samples, prediction: Array, description: TableDescription) -> None:
    """Write predictions in the test's order, atomically. Raises SubmissionError for a number that is none."""
    cells = _cells(np.asarray(prediction), description)
    names = columns_of(description)
    if description.id is not None:
        cells.insert(names.index(description.id), test.ids)
    dialect = _dialect(description)
    with atomic(path) as temporary:
        pd.DataFrame(dict(enumerate(cells))).to_csv(
            temporary,
            header=names,
            index=False,
            sep=dialect.separator,
            decimal=dialect.decimal,
            quotechar=dialect.quote,
            encoding="utf-8",
            lineterminator="\n",
        )


def read(path: Path, test: Samples, description: TableDescription) -> Submission:
    """Read and check a submission; rows are found by their ids, in whatever order, and given in the test's.

    Values are as ``values_of`` gives them. Raises SubmissionError naming row and column of what is wrong.
    """
    names = columns_of(description)
    table = _read_cells(path, names, _dialect(description))
    rows = _rows_of(path, table, test, description)
    own = [name for name in names if name != description.id]
    values = _values(path, table[own].iloc[rows], rows, description)
    return Submission(test.ids, values)


def read_values(path: Path, description: TableDescription) -> Array:
    """Read the values of a submission in the order of its rows, whatever its ids. Raises SubmissionError."""
    names = columns_of(description)
    table = _read_cells(path, names, _dialect(description))
    return _values(path, table[[name for name in names if name != description.id]], np.arange(len(table)), description)


def holds_labels(prediction: Array, description: TableDescription) -> bool:
    """Whether a prediction is labels already: whole numbers, of several classes one a row."""
    values = np.asarray(prediction)
    whole = bool((values == np.rint(values)).all())
    return whole and (description.task != "classes" or bool((values.sum(axis=1) == 1).all()))


# Cells from numbers, and back ----------------------------------------------------------------------------------------


def _cells(prediction: Array, description: TableDescription) -> list[Array]:
    """What stands in the submission's columns but the id's, one array (N,) a column."""
    values = values_of(prediction, description)
    if (bad := np.argwhere(~np.isfinite(np.asarray(prediction, np.float64).reshape(len(values), -1)))).size:
        raise SubmissionError(f"Row {bad[0][0] + 1:,} of the prediction is no finite number.", "What made it?")
    if description.submits == "labels":
        words = np.array(_labels(description), object)
        if description.task == "classes":
            return [words[values.argmax(axis=1)]]
        return [words[column.astype(np.int64)] for column in values.T]
    if _both_sides(description):
        values = np.concatenate([1 - values, values], axis=1)
    return [values[:, place] for place in _places(description)]


def _values(path: Path, table: pd.DataFrame, rows: Array, description: TableDescription) -> Array:
    """Predictions from the submission's cells (N, columns); ``rows`` are the file's."""
    if description.submits != "labels":
        numbers = np.stack([_numbers(path, table[name], rows, _dialect(description)) for name in table], axis=1)
        if _both_sides(description):
            return numbers[:, 1:] if _places(description) == [0, 1] else numbers[:, :1]
        ordered = np.empty_like(numbers)
        ordered[:, _places(description)] = numbers
        return ordered
    codes = np.stack([_codes(path, table[name], rows, _labels(description)) for name in table], axis=1)
    if description.task == "classes":
        return _one_hot(codes[:, 0], len(description.classes))
    return codes.astype(np.float32)


def _numbers(path: Path, column: pd.Series, rows: Array, dialect: Dialect) -> Array:
    text = column if dialect.decimal == "." else column.str.replace(dialect.decimal, ".", regex=False)
    numbers = pd.to_numeric(text, errors="coerce").to_numpy(np.float64)
    with np.errstate(over="ignore"):
        single = numbers.astype(np.float32)
    if (bad := np.flatnonzero(~np.isfinite(single))).size:
        place = bad[np.argmin(rows[bad])]
        told = f"{column.iloc[place]!r} is no finite number" if not np.isfinite(numbers[place]) else "is too large"
        raise SubmissionError(f"{path}, row {rows[place] + 1:,}, column {column.name}: {told}.")
    return single


def _codes(path: Path, column: pd.Series, rows: Array, classes: Sequence[str]) -> Array:
    codes: Array = pd.Index(classes).get_indexer(pd.Index(column.to_numpy(object)))
    if (bad := np.flatnonzero(codes < 0)).size:
        place = bad[np.argmin(rows[bad])]
        some = ", ".join(classes[:10]) + (", ..." if len(classes) > 10 else "")
        raise SubmissionError(
            f"{path}, row {rows[place] + 1:,}, column {column.name}: {column.iloc[place]!r} is no class.",
            f"Classes are {some}.",
        )
    return codes


def _one_hot(codes: Array, classes: int) -> Array:
    rows: Array = np.eye(classes, dtype=np.float32)[codes]
    return rows


def _ends_in(name: str, each: str) -> bool:
    return name.lower().endswith(each.lower())


def _places(description: TableDescription) -> list[int]:
    """For each of the submission's columns but the id's, which of the prediction's it holds.

    By name where each column's is a target or class, or ends in one; else they are in order.
    """
    names = [name for name in columns_of(description) if name != description.id]
    by_class = description.task == "classes" or _both_sides(description)
    own = list(description.classes if by_class else description.targets)
    for alike in (str.__eq__, _ends_in):
        found = [[place for place, each in enumerate(own) if each and alike(name, each)] for name in names]
        if all(len(each) == 1 for each in found) and len({each[0] for each in found}) == len(own):
            return [each[0] for each in found]
    return list(range(len(names)))


def _labels(description: TableDescription) -> tuple[str, ...]:
    """The labels in the order of the classes, as a submission has them."""
    return description.written or description.classes


def _both_sides(description: TableDescription) -> bool:
    """Whether a submission has the probabilities of both classes of a binary target."""
    count = len(columns_of(description)) - (description.id is not None)
    whole = description.submits == "probabilities" and description.task == "binary"
    return whole and len(description.targets) == 1 and count == 2


def _dialect(description: TableDescription) -> Dialect:
    return (description.sample.dialect if description.sample else None) or Dialect()


# Rows ----------------------------------------------------------------------------------------------------------------


def _read_cells(path: Path, names: Sequence[str], dialect: Dialect) -> pd.DataFrame:
    """All cells as text, under the names that are asked for. Raises SubmissionError."""
    try:
        table = pd.read_csv(
            path,
            dtype=str,
            keep_default_na=False,
            na_filter=False,
            sep=dialect.separator,
            quotechar=dialect.quote,
            encoding="utf-8-sig",
            index_col=False,
            skip_blank_lines=True,
        )
    except FileNotFoundError:
        raise SubmissionError(f"{path}: there is no such file.") from None
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError, csv.Error) as error:
        raise SubmissionError(f"{path}: is no table of text ({error}).".replace("\n", " ")) from error
    for name in names:
        if name not in table:
            has = ", ".join(map(str, table.columns))
            raise SubmissionError(f"{path}: has no column '{name}'.", f"It needs {', '.join(names)}; it has {has}.")
    if len(table.columns) > len(names):
        strange = next(name for name in table.columns if name not in names)
        raise SubmissionError(f"{path}: the column '{strange}' is not asked for.", f"It needs {', '.join(names)}.")
    return table


def _rows_of(path: Path, table: pd.DataFrame, test: Samples, description: TableDescription) -> Array:
    """Where in the file each of the test's rows stands, (N,) int64."""
    if description.id is None:
        if len(table) != len(test):
            raise SubmissionError(f"{path}: has {len(table):,} rows.", f"The test has {len(test):,}, in this order.")
        return np.arange(len(test))
    wanted, told = pd.Index(test.ids.astype(str)), f"column {description.id}"
    found = pd.Index(table[description.id])
    place = wanted.get_indexer(found)
    if (strange := np.flatnonzero(place < 0)).size:
        row = strange[0]
        raise SubmissionError(f"{path}, row {row + 1:,}, {told}: {found[row]!r} is no id of the test.")
    if found.has_duplicates:
        row = int(np.flatnonzero(found.duplicated())[0])
        raise SubmissionError(f"{path}, row {row + 1:,}, {told}: {found[row]} is in an earlier row already.")
    if len(found) < len(wanted):
        first = wanted[~wanted.isin(found)][0]
        count = len(wanted) - len(found)
        raise SubmissionError(f"{path}, {told}: {count:,} ids of the test are missing, {first} first.")
    return np.argsort(place, kind="stable")
