"""Features of a description, from the cells of its columns."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ctk.errors import DataError
from ctk.samples import Array
from ctk_tables.description import Column, TableDescription, TableFile
from ctk_tables.reading.cells import as_text, numbers, plain_texts, times, truths
from ctk_tables.reading.names import feature_names

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

WIDE = 500
"""More columns of numbers than these are one feature, for each feature is a file that is held open."""
NUMBERS = "numbers"
"""Name of that feature (N, K) float32, and of the constant (K,) str that names its columns."""
TEXTS = ("category", "text", "picture")
"""Kinds whose arrays are as wide as their longest text."""


def is_wide(description: TableDescription) -> bool:
    """Whether columns of numbers are one feature, ``numbers``."""
    return len(description.of_kind("number")) + len(description.of_kind("boolean")) > WIDE


def columns_of_numbers(description: TableDescription) -> list[str]:
    """Name the columns of numbers and truth values in their order."""
    return [name for name, column in description.columns.items() if column.kind in ("number", "boolean")]


def columns_read(description: TableDescription, kinds: Collection[str] = ()) -> list[str]:
    """Name the columns that are read, or those of some kinds."""
    return [
        name
        for name, column in description.columns.items()
        if column.kind != "left-out" and (not kinds or column.kind in kinds)
    ]


def make_features(
    table: pa.Table | pa.RecordBatch, description: TableDescription, file: TableFile, path: Path, first: int = 0
) -> dict[str, Array]:
    """Return arrays (N,) of a table's columns, or a part of them, as ``Samples.save`` names them: "features/NAME".

    Paths of pictures are "notes/NAME". ``first`` is the number of the part's first row, from 0.
    Raises DataError naming file, row and column of a cell that is not of its column's kind.
    """
    arrays: dict[str, Array] = {}
    names = feature_names(description.columns)
    wide, test = is_wide(description), file == description.test
    together: list[Array] = []
    for place, column in enumerate(table.schema.names):
        how = description.columns.get(column)
        if how is None or how.kind == "left-out":
            continue
        cells = _piece(table.column(place))
        made, none = _arrays(cells, how, file, test, names[column])
        if none is not None and none.any():
            row = int(none.argmax())
            raise DataError(
                f"{path}, row {first + row + 1:,}, column {column}: {str(cells[row])[:40]!r} is no {how.kind}.",
                f"Mend the cell, name its text under columns.{column}.missing, or make the column a category.",
            )
        if wide and how.kind in ("number", "boolean"):
            together += made.values()
        else:
            arrays |= made
    if together:
        arrays[f"features/{NUMBERS}"] = np.stack(together, axis=1)
    return arrays


def _arrays(
    cells: pa.Array, how: Column, file: TableFile, test: bool, name: str
) -> tuple[dict[str, Array], Array | None]:
    """Arrays of a column, and which of its cells are not of its kind."""
    if how.kind == "number":
        values, none = numbers(cells, file.dialect.decimal if file.dialect else ".", how.missing)
        return {f"features/{name}": values.astype(np.float32)}, none
    if how.kind == "boolean":
        values, none = truths(cells, how.missing)
        return {f"features/{name}": values}, none
    if how.kind == "date":
        moments, none = times(cells, how.format, how.missing)
        return {f"features/{name}/{part}": values for part, values in _date_parts(moments, how.hours).items()}, none
    if how.kind == "picture":
        pattern = how.paths[int(test)] if how.paths else "{}"
        paths = [pattern.replace("{}", text) if text else "" for text in plain_texts(cells, how.missing).tolist()]
        return {f"notes/{name}": np.array(paths, str) if paths else np.empty(0, "U1")}, None
    if how.kind == "text":
        stands = as_text(cells).to_numpy(zero_copy_only=False)
        return {f"features/{name}": stands.astype(str) if len(stands) else np.empty(0, "U1")}, None
    return {f"features/{name}": plain_texts(cells, how.missing)}, None


def _date_parts(moments: pd.Series[Any], hours: bool) -> dict[str, Array]:
    import pandas as pd

    dates = pd.DatetimeIndex(moments)
    parts: dict[str, Any] = {"year": dates.year, "month": dates.month, "day": dates.day, "weekday": dates.day_of_week}
    if hours:
        parts["hour"] = dates.hour
    parts["days"] = (dates - pd.Timestamp(0)) / pd.Timedelta(days=1)
    return {part: np.asarray(values, np.float32) for part, values in parts.items()}


def _piece(cells: pa.ChunkedArray | pa.Array) -> pa.Array:
    import pyarrow as pa

    return cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells
