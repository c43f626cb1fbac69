"""What only this competition can show: paths through the camera and from above, errors by horizon, axis and scene."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctk_atmacup_18.report import errors, paths

if TYPE_CHECKING:
    from ctk.contract import Results, Section


def sections(results: Results) -> list[Section]:
    """A dozen paths, then errors; nothing where there is no blend or no truth about it."""
    if results.blended is None or results.valid.target is None or not len(results.valid):
        return []
    return [paths.section(results), errors.section(results)]


__all__ = ["sections"]
