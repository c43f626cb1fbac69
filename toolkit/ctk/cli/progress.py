"""How far long work is: a bar for each thing being done, or lines now and then where nothing can be redrawn."""

from __future__ import annotations

import time

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from ctk.cli.printing import console

PLAIN_EVERY = 10.0
"""Seconds between lines of progress where there is no terminal to redraw."""


class ProgressBars:
    """Progress of long work, called as ``progress(what, done, total)``.

    The bars stay on the screen when everything that was begun is done.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.bars: Progress | None = None
        self.tasks: dict[str, TaskID] = {}
        self.begun: dict[str, float] = {}
        self.last_line_at = time.monotonic()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Say that so much of something is done."""
        if self.quiet:
            return
        if console.is_terminal:
            self._draw(what, done, total)
            return
        now = time.monotonic()
        begun = self.begun.setdefault(what, now)
        if now - self.last_line_at > PLAIN_EVERY and 0 < done < total:
            self.last_line_at = now
            left = (now - begun) / done * (total - done)
            console.print(f"{what} {done / total:.0%}, {left:.0f} s left")

    def stop(self) -> None:
        """Leave the bars as they are, where work ends early."""
        if self.bars is not None:
            self.bars.stop()
            self.bars, self.tasks = None, {}

    def _draw(self, what: str, done: int, total: int) -> None:
        if self.bars is None:
            self.bars = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(24),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=console,
            )
            self.bars.start()
        if what not in self.tasks:
            self.tasks[what] = self.bars.add_task(what, total=total)
        self.bars.update(self.tasks[what], completed=done, total=total)
        if self.bars.finished:
            self.stop()
