"""Parts that are stored and do not count: folds of a member whose other folds a time limit left out."""

from __future__ import annotations

from collections.abc import Iterable

from ctk.runs import Part, Run

COUNTS, ASIDE = "fitted.json", "set-aside.json"
"""Names of the file that makes a part count, and that it has while it does not."""


def set_aside(run: Run, parts: Iterable[Part]) -> None:
    """Let stored parts count no longer, for whoever reads the run, until it is gone on with."""
    for part in parts:
        folder = run.part_folder(part)
        if (folder / COUNTS).exists():
            (folder / COUNTS).replace(folder / ASIDE)


def bring_back(run: Run, parts: Iterable[Part]) -> None:
    """Let parts count again that were set aside, unless they were fitted since."""
    for part in parts:
        folder = run.part_folder(part)
        if not (folder / COUNTS).exists() and (folder / ASIDE).exists():
            (folder / ASIDE).replace(folder / COUNTS)
