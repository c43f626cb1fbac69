"""CSV tables as text, and their columns as numbers: whatever is wrong is named with file, row and column."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ctk.errors import CtkError, DataError, near
from ctk.samples import Array

if TYPE_CHECKING:
    from pandas import DataFrame

NONE = ("", "nan", "na", "null")
"""Cells without a value, in small letters."""
MEND = "Mend the file, or take the competition's own."
"""What to do about a table that is wrong."""


class TextTable:
    """All cells of a CSV file as text.

    id     the column that names a row for people, beside its number; "" where there is none
    error  the class of what is raised
    """

    def __init__(self, path: Path, frame: DataFrame, id: str = "", error: type[CtkError] = DataError) -> None:
        self.path, self.frame, self.id, self.error = path, frame, id, error

    @classmethod
    def read(cls, path: Path, columns: Sequence[str], id: str = "", error: type[CtkError] = DataError) -> TextTable:
        """Read a file that has a column for each of these names. Raises ``error`` naming what is missing."""
        import pandas as pd

        try:
            frame = pd.read_csv(path, dtype=str, keep_default_na=False, index_col=False, encoding="utf-8-sig")
        except FileNotFoundError:
            raise error(f"{path}: there is no such file.") from None
        except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError, OSError) as problem:
            raise error(f"{path}: cannot be read as CSV ({' '.join(str(problem).split())}).", MEND) from None
        if missing := [name for name in columns if name not in frame]:
            help = near(missing[0], map(str, frame.columns)) or f"It needs the columns {', '.join(columns)}."
            raise error(f"{path}: has no column '{missing[0]}'.", help)
        return cls(path, frame.fillna(""), id, error)  # a line that ends early

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in the file's order."""
        return [str(name) for name in self.frame.columns]

    def where(self, row: int, column: str) -> str:
        """A cell for people; rows count from 1 after the header."""
        id = f" ({self.frame[self.id].iloc[row]})" if self.id in self.frame and column != self.id else ""
        return f"{self.path}, row {row + 1:,}{id}, column {column}"

    def text(self, column: str) -> Array:
        """(N,) str of a column."""
        return self.frame[column].to_numpy(str) if len(self) else np.empty(0, "U1")

    def words(self, column: str) -> Array:
        """(N,) str of a column. Raises ``error`` for the first that is empty or says that there is none."""
        values = self.text(column)
        return self.checked(values, ~np.isin(np.char.lower(np.char.strip(values)), NONE), column, "no word")

    def numbers(self, column: str, empty: bool = False) -> Array:
        """(N,) float64 of a column, finite in float32 too; NaN for empty cells where there may be some.

        Raises ``error`` for the first cell that is none.
        """
        import pandas as pd

        values = pd.to_numeric(self.frame[column], errors="coerce").to_numpy(np.float64)
        fine = np.abs(values) <= np.finfo(np.float32).max
        if empty:
            fine |= np.char.strip(self.text(column)) == ""
        return self.checked(values, fine, column, "no finite number")

    def checked(self, values: Array, fine: Array, column: str, problem: str) -> Array:
        """Return (N,) values of a column. Raises ``error`` for the first that is not ``fine``: "'x' is PROBLEM"."""
        if not fine.all():
            row = int(fine.argmin())
            cell = str(self.frame[column].iloc[row])
            said = "is empty" if cell.strip() == "" else f"{cell[:40]!r} is {problem}"
            raise self.error(f"{self.where(row, column)}: {said}.", "Every cell of the table is needed; mend the file.")
        return values
