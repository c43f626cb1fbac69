"""Marks in runs' folders: files by which a node can tell that it sees the very folder the driver writes."""

from __future__ import annotations

import uuid
from contextlib import suppress
from pathlib import Path

from ctk.contract import Files
from ctk_ray.worker import Seen


class Marks:
    """One mark for each run, named by chance, there as long as its tasks run."""

    def __init__(self) -> None:
        self.made: dict[Path, Seen] = {}

    def of(self, files: Files) -> tuple[bool, Seen]:
        """What a node must see for these files, and whether that is asked for the first time."""
        folder = files.writes if files.appends is None else files.appends.parent
        seen = self.made.get(folder)
        if seen is not None and set(files.constant) <= set(seen.folders):
            return False, seen
        mark = folder / f".seen-{uuid.uuid4().hex}" if seen is None else seen.mark
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text(mark.name)
        self.made[folder] = Seen(mark, files.constant)
        return True, self.made[folder]

    def remove(self) -> None:
        """Take all of them away."""
        for seen in self.made.values():
            with suppress(OSError):
                seen.mark.unlink(missing_ok=True)
