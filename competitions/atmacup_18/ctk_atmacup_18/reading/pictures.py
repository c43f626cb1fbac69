"""Which pictures and lists of lights a folder has, and what tells each apart from an older one: size and time."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ctk.errors import DataError
from ctk.samples import Array
from ctk_atmacup_18.columns import FRAMES, Moment
from ctk_atmacup_18.reading.tables import GET, Table

PICTURES, LIGHTS = "images", "traffic_lights"
Stamp = tuple[int, int]
"""Size in bytes, and time of the last change in nanoseconds."""
Listing = dict[str, Stamp]
"""By path below a folder, as text."""


class Listings:
    """The files of folders as they were when they were first asked for: what is decoded is what was stamped."""

    def __init__(self) -> None:
        self._of: dict[Path, Listing] = {}

    def of(self, folder: Path) -> Listing:
        """All files of a folder and of two folders' depth below it; of 135,000 it takes about a second.

        Raises DataError where it is not there.
        """
        if folder not in self._of:
            if not folder.is_dir():
                raise DataError(f"{folder}: there is no such folder.", GET)
            self._of[folder] = dict(_walk(str(folder), "", 2))
        return self._of[folder]


def _walk(folder: str, prefix: str, depth: int) -> Iterator[tuple[str, Stamp]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                if depth:
                    yield from _walk(entry.path, f"{prefix}{entry.name}/", depth - 1)
            elif entry.is_file():  # a pipe would let whoever opens it wait
                facts = entry.stat()
                yield f"{prefix}{entry.name}", (facts.st_size, facts.st_mtime_ns)


def digest(files: Listing) -> str:
    """A text that differs where files do."""
    return hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()


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
