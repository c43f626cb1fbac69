"""Which time steps are made: whole model years for training, validation and test, in ClimSim's no-leap calendar.

Each part is a year of twelve months, so that all parts see all seasons, and its steps are spread evenly over the year
and the day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import pi

from ctk_leap_climsim.columns import STEP

TRAIN = "0001-02..0002-01"
"""Months to train on, first and last: 70% of the time steps."""
VALID = "0002-02..0003-01"
"""Months to validate on: 15% of the time steps."""
TEST = "0003-02..0004-01"
"""Months of the test set: 15% of the time steps."""

SHARES = {TRAIN: 0.70, VALID: 0.15, TEST: 0.15}
STEPS_A_DAY = round(86_400 / STEP)
DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
MOST = 365 * STEPS_A_DAY
"""Time steps that fit into a part."""


@dataclass(frozen=True)
class Moment:
    """A time step: ``month`` as "YYYY-MM", day of the month from 1, second of the day."""

    month: str
    day: int
    second: int

    @property
    def stamp(self) -> str:
        """As it stands in file names: YYYY-MM-DD-SSSSS."""
        return f"{self.month}-{self.day:02d}-{self.second:05d}"

    @property
    def season(self) -> float:
        """Day angle from 1 January, radians."""
        days = sum(DAYS[: int(self.month[5:]) - 1]) + self.day - 1 + self.second / 86_400
        return 2 * pi * days / 365


def moments(steps: int) -> list[Moment]:
    """Some time steps in the order of time, each in its part's year; every part has one at least.

    Raises ValueError for less than three steps and for more than fit.
    """
    counts = [max(1, round(steps * share)) for share in list(SHARES.values())[1:]]
    counts = [steps - sum(counts), *counts]
    if min(counts) < 1 or max(counts) > MOST:
        raise ValueError(f"{steps} time steps cannot be spread over three years")
    return [moment for months, count in zip(SHARES, counts, strict=True) for moment in _spread(int(months[:4]), count)]


def _spread(year: int, count: int) -> Iterator[Moment]:
    # 31 and 72 have no common divisor: the steps that share a day differ in time, and so do those of days in a row.
    places = sorted((i * 365 // count, i * 31 % STEPS_A_DAY) for i in range(count))
    for day, slot in places:
        month = 1  # the year begins in February
        while day >= DAYS[month % 12]:
            day -= DAYS[month % 12]
            month += 1
        yield Moment(f"{year + month // 12:04d}-{month % 12 + 1:02d}", day + 1, round(slot * STEP))
