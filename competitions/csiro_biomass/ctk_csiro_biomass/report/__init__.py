"""What only this competition can show: pictures with true and predicted grams, and errors by target and state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctk_csiro_biomass.report import errors, pictures

if TYPE_CHECKING:
    from ctk.contract import Results, Section


def sections(results: Results) -> list[Section]:
    """A dozen pictures, then errors; nothing where there is no blend or no truth about it."""
    if results.blended is None or results.valid.target is None or not len(results.valid):
        return []
    return [pictures.section(results), errors.section(results)]


__all__ = ["sections"]
