"""Features of a description, from the cells of its columns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ctk.errors import DataError
from ctk.samples import Array
from ctk_tables.description import Column, TableDescription, TableFile
from ctk_tables.reading.cells import numbers, texts, times, truths
from ctk_tables.reading.names import feature_names

if TYPE_CHECKING:
    import pyarrow as pa

WIDE = 500
"""Columns of numbers from which on they are one feature: every feature is a file that is held open."""
NUMBERS = "numbers"
"""Name of that feature, and of the constant (K,) that names its columns."""


def make_features(
    table: pa.Table, description: TableDescription, file: TableFile, path: Path, first: int = 0
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return features and notes by name, (N,) each, of a table or a part of it.

    first  number of the part's first row from 0
    Raises DataError naming file, row and column of a cell that is not of its column's kind.
    """
    features: dict[str, Array] = {}
    notes: dict[str, Array] = {}
    decimal = file.dialect.decimal if file.dialect else "."
    part = 0 if file == description.train else 1
    names = feature_names(description.columns)
    for column, how in description.columns.items():
        if how.kind == "left-out":
            continue
        cells, name = table[column].combine_chunks(), names[column]
        if how.kind == "number":
            values, none = numbers(cells, decimal, how.missing)
            values = values.astype(np.float32)
            none |= np.isinf(values)
            features[name] = values
        elif how.kind == "boolean":
            features[name], none = truths(cells, how.missing)
        elif how.kind == "date":
            moments, none = times(cells, how.format, how.missing)
            features |= _date_parts(name, moments, how.hours)
        elif how.kind == "picture":
            notes[name] = _paths(cells, how, part)
            continue
        else:
            values = texts(cells, how.missing if how.kind == "category" else ()).fill_null("")
            features[name] = values.to_numpy(zero_copy_only=False).astype(str)
            continue
        if none.any():
            row = int(none.argmax())
            raise DataError(
                f"{path}, row {first + row + 1:,}, column {column}: {str(cells[row])[:40]!r} is no {how.kind}.",
                f"Mend the cell, name it under missing of columns.{column}, or give the column another kind.",
            )
    return features, notes


def _date_parts(name: str, moments: object, hours: bool) -> dict[str, Array]:
    import pandas as pd

    dates = pd.DatetimeIndex(moments)  # type: ignore[arg-type]
    parts = {"year": dates.year, "month": dates.month, "day": dates.day, "weekday": dates.weekday}
    if hours:
        parts["hour"] = dates.hour
    parts["days"] = (dates - pd.Timestamp(0)) / pd.Timedelta(days=1)
    return {f"{name}/{part}": np.asarray(values, np.float32) for part, values in parts.items()}


def _paths(cells: pa.Array, how: Column, part: int) -> Array:
    pattern = how.folders[part] if how.folders else "{}"
    return np.array([pattern.replace("{}", text) if text else "" for text in texts(cells).to_pylist()], str)
