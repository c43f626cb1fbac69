"""How far long work is: a bar for each thing being done, or lines now and then where nothing can be redrawn."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

SHORTEST = 1.0
"""Seconds of work that an estimate is made from at least: what several workers report at once is no pace."""
PLAIN_EVERY = 10.0
"""Seconds between lines of progress where there is no terminal to redraw."""


class Pace:
    """How fast work goes so far; what it took to begin (processes to start, libraries to import) is left out.

    Counted anew when the unit of what is done changes.
    """

    def __init__(self) -> None:
        self.unit: object = None
        self.since = 0.0
        self.before = 0.0

    def seconds_left(self, done: float, total: float, unit: object = None) -> float | None:
        """Estimate the time that the rest takes; None before there is anything to go by."""
        now = time.monotonic()
        if not self.since or unit != self.unit or done < self.before:
            self.unit, self.since, self.before = unit, now, done
        if done <= self.before or now - self.since < SHORTEST:
            return None
        return (now - self.since) / (done - self.before) * (total - done)


class WorkBars:
    """Progress of long work on a console, called as ``bars(what, done, total)``.

    The bars stay on the screen when everything that was begun is done. ``drawn`` makes what draws them, where that is
    not a terminal.
    """

    def __init__(self, console: Console, drawn: type[Progress] | None = None, quiet: bool = False) -> None:
        self.console = console
        self.drawn = drawn or (Progress if console.is_terminal else None)
        self.quiet = quiet
        self.bars: Progress | None = None
        self.tasks: dict[str, TaskID] = {}
        self.paces: dict[str, Pace] = {}
        self.last_line_at = time.monotonic()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Say that so much of something is done."""
        if self.quiet:
            return
        if self.drawn is not None:
            self._draw(self.drawn, what, done, total)
            return
        left = self.paces.setdefault(what, Pace()).seconds_left(done, total)
        now = time.monotonic()
        if left is not None and now - self.last_line_at > PLAIN_EVERY and done < total:
            self.last_line_at = now
            self.console.print(f"{what} {done / total:.0%}, {left:.0f} s left")

    def stop(self) -> None:
        """Leave the bars as they are, where work ends early."""
        if self.bars is not None:
            self.bars.stop()
            self.bars, self.tasks = None, {}

    def _draw(self, drawn: type[Progress], what: str, done: int, total: int) -> None:
        if self.bars is None:
            self.bars = drawn(
                TextColumn("{task.description}", markup=False),
                BarColumn(24),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=self.console,
            )
            self.bars.start()
        if what not in self.tasks:
            self.tasks[what] = self.bars.add_task(what, total=total)
        self.bars.update(self.tasks[what], completed=done, total=total)
        if self.bars.finished:
            self.stop()
