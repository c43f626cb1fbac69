"""What the page shows of a table: what was found, missing values, drift by column, errors by segment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ctk_tables.description import Finding, TableDescription
from ctk_tables.looks import Warning

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
    return []


__all__ = ["sections"]
