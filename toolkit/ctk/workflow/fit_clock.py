"""The time of one fit, in the worker that fits: asked by its model, and kept where the model does not ask."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ctk.errors import OutOfTime
from ctk.report.numbers import duration

now = time.time
"""Seconds since 1970: workers are other processes, and on a cluster on other machines, whose clocks agree about."""
LEAST = 0.5
"""Of its way that a fit must have come in its time, so that what it learned is worth a place beside whole ones."""
HOPELESS = 5.0
"""Times as long as it has that a fit would take by its pace, when it is given up before its time."""
AGAIN = 2.0
"""Seconds after which a fit that goes on all the same is given up once more."""


@dataclass(frozen=True)
class FitTime:
    """When a fit has to end, in seconds since 1970.

    until   its model ends it, and it is kept
    last    it is given up
    needed  whether nothing else is there to be submitted, so that whatever it learns is kept
    """

    until: float
    last: float
    needed: bool


class FitClock:
    """A fit's ``FitLimit``. ``cut_short`` is called before it ends early; then ``came`` is how much of its way."""

    def __init__(self, time: FitTime, cut_short: Callable[[], None]) -> None:
        self.time = time
        self.cut_short = cut_short
        self.begun = now()
        self.done, self.total = 0, 1
        self.came: float | None = None
        self.ended = self.begun

    def hear(self, done: int, total: int) -> None:
        """Note how far the fit is. Raises OutOfTime where it would take many times as long as it has."""
        self.done, self.total = done, max(1, total)
        has, took = self.time.until - self.begun, now() - self.begun
        if not self.time.needed and 0 < done < total and took > has / 4 and took * self.total > HOPELESS * has * done:
            raise OutOfTime(f"at its pace it takes {duration(took * self.total / done)}, and it had {duration(has)}")

    def is_up(self, share: float = 1.0, ahead: float = 0.0) -> bool:
        """Whether the fit should end now. Raises OutOfTime for less than half of its way, unless it is needed."""
        has = self.time.until - self.begun
        if now() + ahead <= self.begun + share * has:
            return False
        came = min(1.0, self.done / (share * self.total))
        if not self.time.needed and came < LEAST:
            raise OutOfTime(f"it came {came:.0%} of its way in the {duration(share * has)} that it had")
        if self.came is None:
            self.cut_short()
        self.came = min(came, 1.0 if self.came is None else self.came)
        return True

    def end(self) -> None:
        """Note that the fit is over; what comes is its predictions."""
        self.ended = now()

    def facts(self, cut_members: Sequence[str]) -> dict[str, Any]:
        """Tell what is kept of it beside a part's predictions; ``cut_members`` are those asked that were cut short."""
        return {
            "cut": self.came is not None or bool(cut_members),
            "share": 1.0 if self.came is None else self.came,
            "asked": list(cut_members),
            "storing": now() - self.ended,
        }


@contextmanager
def given_up_in_time(time: FitTime | None) -> Iterator[None]:
    """Raise OutOfTime in the block when it has taken too long, whatever it is at. Elsewhere than in a main thread not.

    Code that is not Python's own raises it when it is done.
    """
    if time is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def give_up(number: int, frame: Any) -> None:
        raise OutOfTime("it took longer than the time that it had")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, max(1e-3, time.last - now()), AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
