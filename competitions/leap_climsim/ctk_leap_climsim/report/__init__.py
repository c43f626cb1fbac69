"""What only this competition can show: R2 by level and variable, and profiles of the air beside the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctk.contract import Section
from ctk_leap_climsim.report import levels, profiles
from ctk_leap_climsim.report.columns import columns_of

if TYPE_CHECKING:
    from ctk.contract import Results


def sections(results: Results) -> list[Section]:
    """R2 by level and variable, then some columns of air; nothing where there is no blend or no truth about it.

    Predictions and truth may be memory-mapped: they are read in blocks of rows.
    """
    if results.blended is None or results.valid.target is None or not len(results.valid):
        return []
    columns = columns_of(results)
    return [levels.section(results, columns), *profiles.sections(results, columns)]


__all__ = ["sections"]
