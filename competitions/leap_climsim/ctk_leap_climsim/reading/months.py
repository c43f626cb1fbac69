"""Ranges of model months, and how often a time step of them is taken: "0001-02..0008-01/7"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ctk.errors import UsageError

WRITTEN = re.compile(r"(\d{4}-\d{2})(?:\.\.(\d{4}-\d{2}))?(?:/([1-9]\d*))?")


@dataclass(frozen=True)
class Months:
    """Months from the first to the last, both included, as "YYYY-MM", and the stride: 7 takes every 7th time step."""

    first: str
    last: str
    stride: int = 1

    @classmethod
    def of(cls, key: str, text: str) -> Months:
        """Read "FIRST..LAST/STRIDE" or "MONTH", the value of a config key. Raises UsageError."""
        found = WRITTEN.fullmatch(text)
        if not found or not all(1 <= int(month[5:]) <= 12 for month in found.groups()[:2] if month):
            raise UsageError(
                f"Config key 'data.{key}': '{text}' is no range of months.",
                "Write the first and the last month, and the stride if not every time step is wanted: "
                f"-o data.{key}=0001-02..0008-01/7.",
            )
        months = cls(found[1], found[2] or found[1], int(found[3] or 1))
        if months.last < months.first:
            raise UsageError(
                f"Config key 'data.{key}': '{text}' ends before it begins.", "Write the first month first."
            )
        return months

    def __contains__(self, month: str) -> bool:
        return self.first <= month <= self.last

    def __str__(self) -> str:
        return self.first if self.first == self.last else f"{self.first}..{self.last}"

    def overlaps(self, other: Months) -> bool:
        """Whether a month is in both."""
        return self.first <= other.last and other.first <= self.last
