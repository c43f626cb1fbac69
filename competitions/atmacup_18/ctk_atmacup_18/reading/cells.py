"""What the tables' ids and switches say."""

from __future__ import annotations

import re

import numpy as np

from ctk.data import TextTable
from ctk.samples import Array
from ctk_atmacup_18.columns import ID, Moment

IDS = re.compile(r"([0-9A-Za-z][0-9A-Za-z-]*)_(0|[1-9][0-9]{0,8})")
SWITCH = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}


def switches(table: TextTable, column: str) -> Array:
    """(N,) float64 of a column of True and False, 1 and 0. Raises DataError for the first cell that is neither."""
    values = table.frame[column].str.strip().str.lower().map(SWITCH).to_numpy(np.float64)
    return table.checked(values, np.isfinite(values), column, "neither True nor False")


def moments(table: TextTable) -> list[Moment]:
    """What the ids of a table say. Raises its error for one that does not parse, or is there twice."""
    found: list[Moment] = []
    seen: dict[str, int] = {}
    for row, id in enumerate(table.frame[ID]):
        match = IDS.fullmatch(id)
        if match is None:
            help = "An id is a scene and its tenths of a second: 0a7d...d782_320."
            raise table.error(f"{table.where(row, ID)}: {id[:60]!r} is no id.", help)
        if (first := seen.setdefault(id, row)) != row:
            raise table.error(f"{table.where(row, ID)}: {id} is in row {first + 1:,} already.", "Keep one of them.")
        found.append(Moment(match[1], int(match[2])))
    return found
