"""The scores by fold: how much of a difference between members is the luck of the draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctk.report.numbers import decimals_for, number

if TYPE_CHECKING:
    from ctk.contract import FoldTable


@dataclass(frozen=True)
class FoldRow:
    """A member's or the blend's row: its cells by fold, then mean, deviation and pooled score."""

    name: str
    kind: str
    slot: int
    cells: list[str]


@dataclass(frozen=True)
class Folds:
    """The table as the page sets it: headings of the folds, rows of counts, rows of scores, what was checked."""

    headings: list[str]
    counts: list[tuple[str, list[str]]]
    rows: list[FoldRow]
    checked: tuple[str, ...]


def by_fold(table: FoldTable, whose: Mapping[str, tuple[str, str, int]]) -> Folds:
    """The table for the page; ``whose`` has name, kind and colour's number by key."""
    counts = [
        ("rows trained on", [f"{rows:,}" for rows in table.trained]),
        ("rows validated", [f"{rows:,}" for rows in table.validated]),
    ]
    if table.spans:
        counts.append(("time validated", [f"{first} to {last}" for first, last in table.spans]))
    decimals = decimals_for(score for scores in table.scores.values() for score in scores)
    rows = []
    for key, scores in table.scores.items():
        values = (*scores, table.mean(key), table.deviation(key), table.pooled[key])
        rows.append(FoldRow(*whose[key], [number(value, decimals) for value in values]))
    return Folds([str(fold) for fold in range(len(table.validated))], counts, rows, table.checked)
