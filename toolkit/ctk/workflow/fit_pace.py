"""How long the fits of a run will take yet, whatever each counts: epochs of a network, rounds of trees."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from ctk.runs import Part
from ctk.workflow.work_bars import SHORTEST


@dataclass
class _Course:
    """What a part has told: when it spoke first and how far it was then, and when it last came further."""

    since: float
    before: float
    at: float
    share: float

    @property
    def seconds(self) -> float | None:
        """How long the whole part takes at its pace; None before it has one."""
        gone, took = self.share - self.before, self.at - self.since
        return took / gone if took > 0 and gone > 0 and (took >= SHORTEST or self.share == 1) else None


class FitPace:
    """Seconds that each part of a run takes, by its own pace, its member's other parts, or else the longest."""

    def __init__(self) -> None:
        self.courses: dict[Part, _Course] = {}

    def hear(self, part: Part, done: int, total: int) -> None:
        """Note how far a part is; what it had behind it at its first word is none of its pace."""
        now, share = time.monotonic(), done / max(1, total)
        course = self.courses.setdefault(part, _Course(now, share if share < 1 else 0.0, now, share))
        if share > course.share:
            course.at, course.share = now, share

    def share(self, parts: Sequence[Part]) -> float:
        """Return how much of the work of these parts is done, from 0 to 1."""
        seconds = self._seconds(parts)
        return sum(each * self._done(part) for part, each in seconds.items()) / max(1e-9, sum(seconds.values()))

    def seconds_left(self, parts: Sequence[Part]) -> float | None:
        """Estimate how long the rest takes, as many side by side as now; None before there is anything to go by."""
        if not any(course.seconds for course in self.courses.values()):
            return None
        left = sum(each * (1 - self._done(part)) for part, each in self._seconds(parts).items())
        running = sum(0 <= course.share < 1 for course in self.courses.values())
        return left / max(1, running)

    def _done(self, part: Part) -> float:
        return self.courses[part].share if part in self.courses else 0.0

    def _seconds(self, parts: Sequence[Part]) -> dict[Part, float]:
        known = {part: course.seconds for part, course in self.courses.items() if course.seconds is not None}
        by_member: dict[str, list[float]] = {}
        for part, seconds in known.items():
            by_member.setdefault(part.member, []).append(seconds)
        longest = max(known.values(), default=1.0)
        return {part: known[part] if part in known else fmean(by_member.get(part.member, [longest])) for part in parts}
