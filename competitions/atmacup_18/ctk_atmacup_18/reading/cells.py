"""Tables as text, and their cells as numbers: whatever is wrong is named with file, row and column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ctk.errors import CtkError, DataError, near
from ctk.samples import Array
from ctk_atmacup_18.columns import ID, Moment

if TYPE_CHECKING:
    from pandas import DataFrame

IDS = re.compile(r"([0-9A-Za-z][0-9A-Za-z-]*)_(0|[1-9][0-9]{0,8})")
SWITCH = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}
NONE = ("", "nan", "na", "null")
MEND = "Mend the file, or take the competition's own."

Raises = type[CtkError]


def read_cells(path: Path, columns: Sequence[str], error: Raises = DataError) -> DataFrame:
    """All cells of a table as text, with a column for each of these names. Raises ``error`` naming what is missing."""
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, index_col=False, encoding="utf-8-sig")
    except FileNotFoundError:
        raise error(f"{path}: there is no such file.") from None
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError, OSError) as problem:
        raise error(f"{path}: cannot be read as CSV ({' '.join(str(problem).split())}).", MEND) from None
    if missing := [name for name in columns if name not in table]:
        help = near(missing[0], map(str, table.columns)) or f"It needs the columns {', '.join(columns)}."
        raise error(f"{path}: has no column '{missing[0]}'.", help)
    return table.fillna("")  # a line that ends early


def where(path: Path, table: DataFrame, row: int, column: str) -> str:
    """A cell for people; rows count from 1 after the header."""
    id = f" ({table[ID].iloc[row]})" if ID in table and column != ID else ""
    return f"{path}, row {row + 1:,}{id}, column {column}"


def numbers(path: Path, table: DataFrame, column: str, error: Raises = DataError) -> Array:
    """(N,) float64 of a column, finite in float32 too. Raises ``error`` for the first cell that is not."""
    import pandas as pd

    values = pd.to_numeric(table[column], errors="coerce").to_numpy(np.float64)
    fine = np.abs(values) <= np.finfo(np.float32).max
    return _checked(values, fine, path, table, column, "no finite number", error)


def switches(path: Path, table: DataFrame, column: str) -> Array:
    """(N,) float64 of a column of True and False, 1 and 0. Raises DataError for the first cell that is neither."""
    values = table[column].str.strip().str.lower().map(SWITCH).to_numpy(np.float64)
    return _checked(values, np.isfinite(values), path, table, column, "neither True nor False", DataError)


def words(path: Path, table: DataFrame, column: str) -> Array:
    """(N,) str of a column. Raises DataError for the first that is empty or says that there is none."""
    values = table[column].to_numpy(str) if len(table) else np.empty(0, "U1")
    fine = ~np.isin(np.char.lower(np.char.strip(values)), NONE)
    return _checked(values, fine, path, table, column, "no word", DataError)


def moments(path: Path, table: DataFrame, error: Raises = DataError) -> list[Moment]:
    """What the ids of a table say. Raises ``error`` for one that does not parse, or is there twice."""
    found: list[Moment] = []
    seen: dict[str, int] = {}
    for row, id in enumerate(table[ID]):
        match = IDS.fullmatch(id)
        if match is None:
            help = "An id is a scene and its tenths of a second: 0a7d...d782_320."
            raise error(f"{where(path, table, row, ID)}: {id[:60]!r} is no id.", help)
        if (first := seen.setdefault(id, row)) != row:
            raise error(f"{where(path, table, row, ID)}: {id} is in row {first + 1:,} already.", "Keep one of them.")
        found.append(Moment(match[1], int(match[2])))
    return found


def _checked(
    values: Array, fine: Array, path: Path, table: DataFrame, column: str, problem: str, error: Raises
) -> Array:
    if not fine.all():
        row = int(fine.argmin())
        cell = str(table[column].iloc[row])
        said = "is empty" if cell.strip() == "" else f"{cell[:40]!r} is {problem}"
        raise error(f"{where(path, table, row, column)}: {said}.", "Every cell of the table is needed; mend the file.")
    return values
