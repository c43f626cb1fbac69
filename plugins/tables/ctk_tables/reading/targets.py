"""Targets of a description, from the cells of their columns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ctk.errors import DataError
from ctk.samples import Array, Targets
from ctk_tables.description import TableDescription, TableFile
from ctk_tables.reading.cells import NO_NUMBERS, numbers, texts

if TYPE_CHECKING:
    import pyarrow as pa

BINS = 10
"""A target of numbers has so many bins of equal size, which are the labels of stratified folds."""


def make_targets(table: pa.Table, description: TableDescription, file: TableFile, path: Path) -> tuple[Array, Array]:
    """Return targets (N, T), of classes (N, C), float32; and which rows have them (N,) bool. Of others they are NaN.

    Raises DataError naming file, row and column of a cell that is no number, or no class.
    """
    decimal = file.dialect.decimal if file.dialect else "."
    values = np.stack([_column(table, name, description, decimal, path) for name in description.targets], axis=1)
    known = ~np.isnan(values).any(axis=1)
    if description.task != "classes":
        return values.astype(np.float32), known
    hot = np.full((len(values), len(description.classes)), np.nan, np.float32)
    hot[known] = np.eye(len(description.classes), dtype=np.float32)[values[known, 0].astype(np.int64)]
    return hot, known


def target_names(description: TableDescription) -> Targets:
    """Name the columns of the target: the classes of one column, else the columns."""
    names = np.array(description.classes if description.task == "classes" else description.targets, str)
    return Targets(names, names.copy())


def make_labels(target: Array, description: TableDescription) -> Array:
    """(N,) int64 for stratified folds: classes, of several targets their combinations, of numbers ten bins."""
    if description.task == "classes":
        return np.asarray(target.argmax(axis=1), np.int64)
    if description.task == "regression":
        first = target[:, 0]
        edges = np.unique(np.quantile(first, np.arange(1, BINS) / BINS)) if len(first) else first
        return np.searchsorted(edges, first, side="right").astype(np.int64)
    if target.shape[1] == 1:
        return target[:, 0].astype(np.int64)
    return np.unique(target, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _column(table: pa.Table, name: str, description: TableDescription, decimal: str, path: Path) -> Array:
    """(N,) float64: numbers, or numbers of classes; NaN where there is none."""
    cells = table[name].combine_chunks()
    if description.task == "regression":
        values, none = numbers(cells, decimal, NO_NUMBERS)
        what = "no number"
    else:
        place = {label: float(number) for number, label in enumerate(description.classes)}
        labels = texts(cells).to_pylist()
        values = np.array([np.nan if label is None else place.get(label, -1.0) for label in labels], np.float64)
        none = values < 0
        what = f"none of the classes {', '.join(description.classes[:10])}"
    if none.any():
        row = int(none.argmax())
        raise DataError(
            f"{path}, row {row + 1:,}, column {name}: {str(cells[row])[:40]!r} is {what}.",
            "Mend the cell, or leave it empty: the row is then not learned from.",
        )
    return values
