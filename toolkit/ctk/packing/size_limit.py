"""How large a packed folder may be."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from ctk.errors import CtkError, UsageError

LIMIT = "200GB"
"""Kaggle's, of a dataset."""
UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
SHOWN = 3
"""Files that are named where all are too large."""


def parse_size(text: str) -> int:
    """Parse a number of bytes as people write it, "200GB", "1.5 TB". Raises UsageError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", text.strip().upper(), re.ASCII)
    if found is None:
        raise UsageError(f"--limit {text}: is no size.", f"For example --limit {LIMIT}.")
    return int(float(found[1]) * UNITS[found[2]])


def shown_size(count: int) -> str:
    """Write a number of bytes as people read it."""
    unit = next((unit for unit in ("T", "G", "M", "K") if count >= UNITS[unit]), "")
    return f"{count / UNITS[unit]:.1f} {unit}B" if unit else f"{count} bytes"


def check_size(files: Iterable[tuple[Path, str]], limit: int) -> int:
    """Sum up files, each with what it is called in the packed folder. Raises CtkError where they are over the limit."""
    sizes = {name: path.stat().st_size for path, name in files}
    total = sum(sizes.values())
    if total > limit:
        largest = sorted(sizes, key=lambda name: -sizes[name])[:SHOWN]
        named = ", ".join(f"{name} ({shown_size(sizes[name])})" for name in largest)
        raise CtkError(
            f"The packed folder would be {shown_size(total)}, over the limit of {shown_size(limit)}; the largest files "
            f"are {named}.",
            "Blend fewer members or seeds, or name in --constraints what the image has; --limit is what may be.",
        )
    return total
