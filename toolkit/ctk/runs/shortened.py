"""Names of runs, ablations and searches as people type them: any part that only one of them has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ctk.errors import UsageError, near

SHOWN = 10
"""Folders that are listed where a shortened name fits several."""

RULES: tuple[Callable[[str, str], bool], ...] = (
    lambda text, name: text in (name, name.partition("/")[2]),
    lambda text, name: name.endswith(f"-{text}"),
    lambda text, name: bool(text) and text in name,
)
"""Whether a text means ``competition/MMDD-HHMMSS-name``: a whole name goes before its end, and that before any part."""


def find_shortened(text: str, folders: Sequence[Path], things: str) -> Path | None:
    """Find the folder that a text means, None if none is meant.

    Raises UsageError where it fits several, which are listed, and for a folder that is none of them.
    """
    names = {f"{folder.parent.name}/{folder.name}": folder for folder in folders}
    fitting = next((found for fits in RULES if (found := [name for name in names if fits(text, name)])), [])
    if len(fitting) > 1:
        listed = "".join(f"\n  {name}" for name in fitting[:SHOWN])
        more = f"\n  and {len(fitting) - SHOWN:,} more" if len(fitting) > SHOWN else ""
        raise UsageError(f"'{text}' fits {len(fitting):,} {things}.", f"Say more of one of them:{listed}{more}")
    if not fitting and Path(text).is_dir():
        raise UsageError(
            f"{text}: the folder is none of the {things}.",
            "One that was killed as it began has nothing to go on with: begin it anew.",
        )
    return names[fitting[0]] if fitting else None


def nearest_shortened(text: str, folders: Sequence[Path]) -> str:
    """Half a sentence with the nearest name, without the time if the text has none; empty if none is near."""
    return near(text, [path.name if text[:1].isdigit() else path.name.split("-", 2)[-1] for path in folders])
