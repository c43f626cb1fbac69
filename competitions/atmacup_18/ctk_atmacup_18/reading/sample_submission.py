"""The sample submission, inside the folder or beside it: the columns of a submission in their order."""

from __future__ import annotations

from pathlib import Path

from ctk.data import TextTable
from ctk.errors import DataError
from ctk_atmacup_18.columns import TARGETS

NAME = "atmaCup18__sample_submit.csv"


def locate(folder: Path) -> Path | None:
    """Where it lies, if it does."""
    return next((path for path in (folder / NAME, folder.parent / NAME) if path.is_file()), None)


def read_header(folder: Path, rows: int) -> list[str]:
    """The columns of a submission: the sample's, or without one the targets' in their order.

    Raises DataError where a sample has other columns, or not as many rows as the test.
    """
    path = locate(folder)
    if path is None:
        return list(TARGETS)
    table = TextTable.read(path, TARGETS)
    header, help = table.columns, "Take the sample submission that belongs to this test set."
    if more := [name for name in header if name not in TARGETS]:
        raise DataError(f"{path}: has a column '{more[0]}', which is none of the 18 targets.", help)
    if len(table) != rows:
        raise DataError(f"{path}: has {len(table):,} rows, and the test set has {rows:,}.", help)
    return header
