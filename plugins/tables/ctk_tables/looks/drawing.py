"""Rows of both sides to be looked at: all of a table that is not large, else some by lot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ctk.samples import Array, Samples
from ctk_tables.description import TableDescription, TableFile
from ctk_tables.looks.scoring import drawn
from ctk_tables.reading.features import NUMBERS, columns_of_numbers, columns_read, is_wide, make_features
from ctk_tables.reading.frames import read_batches
from ctk_tables.reading.rows import TableRows, test_rows, train_rows

ROWS = 200_000
CELLS = 50_000_000
"""So many rows of a side at most, and so many cells, are held in memory; ids and targets are read whole."""
FEWEST = 2_000


def draw_sides(folder: Path, description: TableDescription, seed: int) -> tuple[Samples, Samples, str]:
    """Read samples of train and test, and say in a sentence how many where they are not all; "" where they are.

    The same files and seed give the same rows. Raises DataError as reading does.
    """
    numbered: dict[str, int] = {}
    train = train_rows(folder, description, numbered)
    test = test_rows(folder, description, numbered)
    sides = [
        _draw(folder, description, file, rows, seed)
        for file, rows in ((description.train, train), (description.test, test))
    ]
    said = ""
    if any(len(side) < len(rows.order) for side, rows in zip(sides, (train, test), strict=True)):
        of = (
            f"{len(side):,} of {len(rows.order):,} rows of {name}"
            for name, side, rows in zip(("train", "test"), sides, (train, test), strict=True)
        )
        said = f"Looked at {' and '.join(of)}, drawn at random."
    return sides[0], sides[1], said


def _draw(folder: Path, description: TableDescription, file: TableFile, rows: TableRows, seed: int) -> Samples:
    columns = columns_read(description)
    kept = drawn(len(rows.order), min(ROWS, max(FEWEST, CELLS // max(1, len(columns)))), seed)
    in_file = np.argsort(rows.order[kept], kind="stable")
    kept = kept[in_file]  # as the file has them, so that it is read once from end to end
    parts = list(_parts(folder, description, file, columns, rows.order[kept]))
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in (parts[0] if parts else ())}
    return Samples(
        ids=rows.ids[kept],
        features={name[9:]: values for name, values in arrays.items() if name.startswith("features/")},
        target=None if rows.target is None else rows.target[kept],
        groups={name: values[kept] for name, values in rows.groups.items()},
        notes={name[6:]: values for name, values in arrays.items() if name.startswith("notes/")},
        constants={NUMBERS: np.array(columns_of_numbers(description), str)} if is_wide(description) else {},
    )


def _parts(
    folder: Path, description: TableDescription, file: TableFile, columns: list[str], order: Array
) -> Iterator[dict[str, Array]]:
    first = 0
    for batch in read_batches(folder, file, columns) if columns else ():
        start, end = np.searchsorted(order, (first, first + len(batch)))
        if end > start:
            made = make_features(batch, description, file, folder / file.path, first)
            yield {name: values[order[start:end] - first] for name, values in made.items()}
        first += len(batch)
