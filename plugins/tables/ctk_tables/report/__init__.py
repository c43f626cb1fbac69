"""What the page shows of a table: what was found, missing values, drift by column, errors by segment.

Importances and the blend are the toolkit's own sections.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ctk_tables.description import Finding, TableDescription
from ctk_tables.looks import Warning
from ctk_tables.looks.sides import Sides, unfolded
from ctk_tables.report import drift, found, missing, segments

if TYPE_CHECKING:
    from ctk.contract import Results, Section


def sections(
    results: Results,
    description: TableDescription,
    warnings: Sequence[Warning] = (),
    findings: Sequence[Finding] = (),
) -> list[Section]:
    """Make the table's sections of a run's report; those without anything to show are left out.

    warnings  of the package's ``warnings.yaml``
    findings  where they were kept; else what was found is told from the description
    """
    sides = Sides(unfolded(results.valid), unfolded(results.test), description)
    made: list[Section | None] = [found.section(description, warnings, findings)]
    if len(sides.train):
        made += [missing.section(sides), drift.section(sides), segments.section(results, sides)]
    return [section for section in made if section is not None]


__all__ = ["sections"]
