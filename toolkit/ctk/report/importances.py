"""What columns of their features are worth to members that tell: bars, the longest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ctk.report.numbers import number

MOST = 20
"""Columns of a member that are shown."""


@dataclass(frozen=True)
class ImportanceBar:
    """A column, its part of all that the member tells, and its bar's length as a part of the longest."""

    name: str
    part: str
    share: float


@dataclass(frozen=True)
class ImportanceBars:
    """A member's bars, in its colour; ``others`` is how many columns have none here, ``rest`` their part together."""

    member: str
    slot: int
    bars: list[ImportanceBar]
    others: int
    rest: str


def importance_bars(member: str, slot: int, told: list[Mapping[str, float]]) -> ImportanceBars | None:
    """Bars of the mean over a member's seeds; None where every column is worth nothing."""
    names = dict.fromkeys(name for each in told for name in each)
    worth = {name: sum(each.get(name, 0.0) for each in told) for name in names}
    total = sum(worth.values())
    if not total:
        return None
    ranked = sorted(worth, key=lambda name: -worth[name])
    most = worth[ranked[0]]
    bars = [ImportanceBar(name, number(worth[name] / total), worth[name] / most) for name in ranked[:MOST]]
    rest = sum(worth[name] for name in ranked[MOST:]) / total
    return ImportanceBars(member, slot, bars, max(0, len(ranked) - MOST), number(rest))
