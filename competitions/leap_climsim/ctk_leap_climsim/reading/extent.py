"""What the first and the last line of a CSV say of all of it, before it is read."""

from __future__ import annotations

from pathlib import Path

from ctk.errors import DataError
from ctk_leap_climsim.columns import GRID
from ctk_leap_climsim.tables.csv_table import NUMBER, CsvTable
from ctk_leap_climsim.tables.table import ID

TAIL = 1 << 20
"""Bytes in which a line ends for sure."""


def rows_about(table: CsvTable) -> int:
    """How many rows a table has, from the length of its first ones; a little more rather than less."""
    with table.path.open("rb") as file:
        header = len(file.readline())
        begin = file.read(4 * TAIL)
    lines = max(1, begin.count(b"\n"))
    return round(1.02 * (table.size - header) * lines / max(1, len(begin)))


def first_validated(table: CsvTable, share: float) -> int:
    """The time step of train.csv that validation begins with, from the ids of its first and its last line.

    Raises DataError where the table has no rows, has one time step only, or is cut short: at once, and not when it has
    been read to its end.
    """
    with table.path.open("rb") as file:
        file.readline()
        first = file.readline().rstrip()
        file.seek(max(0, table.size - TAIL))
        tail = file.read()
    if not first:
        raise DataError(f"{table.path}: has no rows.", "Remove it to predict only, or download it again.")
    last = tail.rstrip().split(b"\n")[-1]
    cells = last.count(b",") + 1
    ended = tail.endswith(b"\n")
    whole = ended or NUMBER.fullmatch(last.rsplit(b",")[-1].decode("utf-8", "replace"))
    if not whole or cells != len(table.header):
        good = _line_ends(table.path) - 1 - ended
        raise DataError(
            f"{table.path}, {table.where(good)}: has {cells:,} of {len(table.header):,} cells"
            f"{'' if ended else ' and no line end'}; the file is cut short.",
            f"The {good:,} rows before it are whole. Download or make the file again.",
        )
    steps = [_number(table, line) // GRID for line in (first, last)]
    if steps[1] < steps[0]:
        raise DataError(
            f"{table.path}: begins in time step {steps[0]:,} and ends in time step {steps[1]:,}.",
            "Rows come in the order of their ids, as in the competition's file: the last are validated on.",
        )
    if steps[1] == steps[0]:
        raise DataError(
            f"{table.path}: begins and ends in time step {steps[0]:,}; validation needs another one.",
            f"A time step has {GRID} rows: use more of them.",
        )
    count = steps[1] + 1 - steps[0]
    return steps[1] + 1 - min(count - 1, max(1, round(share * count)))


def _number(table: CsvTable, line: bytes) -> int:
    """The n of ``train_<n>`` in a line."""
    cell = b"".join(line.split(b",")[table.header.index(ID) :][:1]).decode("utf-8", "replace")
    if not (cell.startswith(table.prefix) and cell[len(table.prefix) :].isdecimal()):
        raise DataError(f"{table.path}, column {ID}: {cell[:40]!r} is no id.", f"Ids are {table.prefix}<n>.")
    return int(cell[len(table.prefix) :])


def _line_ends(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(16 << 20), b""))
