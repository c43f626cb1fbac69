"""The data of a run without --data: frames of the game in the homework's layout, unpacked once into the cache.

data/NOTICE.md says whose work the pictures are, and game/README.md how they came here.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from ctk.contract import Progress
from ctk.data import unpacked_once

PACKED = Path(__file__).parent / "data"
ARCHIVE = "frames.zip"
AT_ONCE = 500
"""Files between two words on progress."""


def folder(progress: Progress = lambda what, done, total: None) -> Path:
    """The folder of the unpacked frames, made if it is not there yet."""

    def unpack(place: Path) -> None:
        with zipfile.ZipFile(PACKED / ARCHIVE) as archive:
            names = archive.namelist()
            for start in range(0, len(names), AT_ONCE):
                archive.extractall(place, names[start : start + AT_ONCE])
                progress("unpacking frames", min(start + AT_ONCE, len(names)), len(names))

    return unpacked_once("supertux", PACKED, unpack)
