"""Which pictures belong to which row."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ctk.errors import DataError
from ctk.samples import Array
from ctk_atmacup_18.columns import FRAMES, Moment
from ctk_atmacup_18.reading.tables import Table

PICTURES, LIGHTS = "images", "traffic_lights"
Listing = Mapping[str, tuple[int, int]]
"""By path below a folder, as text: size and time of the last change."""


def locate(folder: Path, table: Table, files: Listing) -> tuple[list[list[str]], Array]:
    """The three pictures of each row, oldest first, below their folder; and their stamps (N, 3, 2) int64.

    Raises DataError for the first that is not there.
    """
    names = [_names_of(moment, files) for moment in table.moments]
    for row, three in enumerate(names):
        for name in three:
            if name not in files:
                raise DataError(
                    f"{folder / name}: there is no such picture; {table.where(row)} needs it.",
                    f"Every row has {', '.join(FRAMES)} in {PICTURES}/ID or in {PICTURES}/SCENE/DECISECOND.",
                )
    stamps = [[files[name] for name in three] for three in names]
    return names, np.array(stamps, np.int64).reshape(len(table), len(FRAMES), 2)


def _names_of(moment: Moment, files: Listing) -> list[str]:
    """In the layout that the row's pictures have."""
    one, two = (f"{moment.scene}{mark}{moment.decisecond}" for mark in "_/")
    place = two if any(f"{two}/{name}" in files for name in FRAMES) else one
    return [f"{place}/{name}" for name in FRAMES]
