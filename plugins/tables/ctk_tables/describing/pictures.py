"""Pictures that cells name: whether they do, and where the files lie."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ctk_tables.reading.cells import texts

if TYPE_CHECKING:
    import pyarrow as pa

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp")
"""Suffixes of pictures."""
FOLDERS = 200
"""Folders that pictures are looked for in."""


def names_pictures(cells: Sequence[str]) -> bool:
    """Whether texts are names of pictures."""
    return bool(cells) and all(text.lower().endswith(PICTURES) for text in cells)


def find_pictures(folder: Path, train: pa.Array, test: pa.Array, bare: bool = False) -> tuple[str, str] | None:
    """Find where the pictures of train and of test lie, as paths below the folder with {} for the cell.

    bare  whether cells are names without a suffix
    returns None where the first cell's picture is not there
    """
    places = _folders(folder)
    suffixes = PICTURES if bare else ("",)
    found: list[str] = []
    for part, cells in (("train", train), ("test", test)):
        names = [text for text in texts(cells[:1000]).to_pylist() if text]
        if not names:
            return None
        tail = names[-1] if part == "test" else names[0]
        fits = [
            f"{place}{{}}{suffix}"
            for place in places
            for suffix in suffixes
            if (folder / f"{place}{tail}{suffix}").is_file()
        ]
        if not fits:
            return None
        found.append(next((fit for fit in fits if part in fit), fits[0]))
    return found[0], found[1]


def _folders(folder: Path) -> list[str]:
    """The folder and those below, two levels, each as the beginning of a path."""
    found = [""]
    for path in sorted((*folder.glob("*/"), *folder.glob("*/*/"))):
        if path.is_dir() and not path.name.startswith(".") and len(found) < FOLDERS:
            found.append(f"{PurePosixPath(path.relative_to(folder))}/")
    return found
