"""What only these competitions can show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctk_supertux.report import captions

if TYPE_CHECKING:
    from ctk.contract import Results, Section


def answers(results: Results) -> list[Section]:
    """Frames with questions and answers, confused counts, accuracy by family and number of karts."""
    return []


def choices(results: Results) -> list[Section]:
    """Frames with their five captions and scores, and kinds of captions that were taken for others."""
    if results.blended is None or results.valid.target is None or not len(results.valid):
        return []
    return [captions.section(results), captions.confusion(results)]


__all__ = ["answers", "choices"]
