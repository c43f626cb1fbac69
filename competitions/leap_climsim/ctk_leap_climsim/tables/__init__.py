"""Tables of the competition's layout by suffix: ``train.csv``, submissions, truths.

    for block in open_table(path, TARGETS, prefix="test_", ordered=True, error=SubmissionError).blocks():
        block.ids, block.values

``ctk_leap_climsim.tables.table`` says what a table, a block and a place to go on from are.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ctk.errors import CtkError, DataError
from ctk_leap_climsim.tables.csv_table import CsvTable
from ctk_leap_climsim.tables.parquet_table import ParquetTable
from ctk_leap_climsim.tables.table import Table

FORMATS: dict[str, type[Table]] = {".parquet": ParquetTable, ".csv": CsvTable}


def open_table(
    path: Path, columns: Sequence[str], *, prefix: str, error: type[CtkError] = DataError, **how: Any
) -> Table:
    """A table as its suffix says, its header read and checked. Arguments and errors as of ``Table``."""
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise error(f"{path}: tables are {' or '.join(FORMATS)}, not '{path.suffix}'.", "Rename or convert the file.")
    return FORMATS[path.suffix.lower()](path, columns, prefix=prefix, error=error, **how)
