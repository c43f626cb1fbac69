"""What only these competitions can show."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctk.contract import Results, Section


def answers(results: Results) -> list[Section]:
    """Frames with questions and answers, confused counts, accuracy by family and number of karts."""
    return []


def choices(results: Results) -> list[Section]:
    """Frames with their five captions and scores."""
    return []


__all__ = ["answers", "choices"]
