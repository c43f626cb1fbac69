"""What a competitor sees of a run while it goes: progress with an estimate of the time left."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.text import Text

from ctk.runs import Part
from ctk.workflow.fit_pace import FitPace
from ctk.workflow.work_bars import PLAIN_EVERY, WorkBars


class FitBars:
    """Observer of a run that draws a bar a part and one for all; it prints lines where it cannot redraw.

    ``drawn`` makes what draws the bars, where that is not a terminal.
    """

    def __init__(self, metric: str, console: Console, drawn: type[Progress] | None = None, quiet: bool = False) -> None:
        self.metric = metric
        self.console = console
        self.drawn = drawn or (Progress if console.is_terminal else None)
        self.quiet = quiet
        self.bars: Progress | None = None
        self.tasks: dict[Part, TaskID] = {}
        self.parts: list[Part] = []
        self.done: dict[Part, tuple[int, int]] = {}
        self.scores: dict[Part, Mapping[str, float]] = {}
        self.started = 0.0
        self.last_line_at = 0.0
        self.pace = FitPace()
        self.bars_before_fits = WorkBars(console, drawn, quiet)

    def say(self, line: str) -> None:
        """Print a line."""
        if self.console.is_terminal:  # elsewhere lines stand apart from the bars, which go on
            self.bars_before_fits.stop()
        if not self.quiet:
            self.console.print(line)

    def working(self, what: str, done: int, total: int) -> None:
        """Draw a bar, or print a line now and then, for work before the fits."""
        self.bars_before_fits(what, done, total)

    def begin(self, parts: Sequence[Part], fitted: Sequence[Part]) -> None:
        """Start drawing."""
        self.bars_before_fits.stop()
        self.started = self.last_line_at = time.monotonic()
        self.parts = [part for part in parts if part not in fitted]
        if fitted:
            self.say(f"{len(fitted)} of {len(parts)} fits are done already")
        if self.quiet or self.drawn is None:
            return
        self.bars = self.drawn(
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description}", markup=False),
            BarColumn(24),
            _NumbersColumn(),
            console=self.console,
        )
        self.bars.start()
        self.total = self.bars.add_task("all fits", total=1.0, numbers="")

    def progress(self, part: Part, done: int, total: int, scores: Mapping[str, float]) -> None:
        """Move a part's bar and the estimate."""
        self.done[part] = done, total
        self.pace.hear(part, done, total)
        self.scores[part] = scores
        estimate = self._estimate()
        if self.bars is not None:
            if part not in self.tasks:
                self.tasks[part] = self.bars.add_task(_part_label(part), total=total, numbers="")
            self.bars.update(self.tasks[part], completed=done, numbers=self._numbers(part, done, total))
            self.bars.update(self.total, completed=self._share(), numbers=estimate)
        elif not self.quiet and time.monotonic() - self.last_line_at > PLAIN_EVERY:
            self.last_line_at = time.monotonic()
            running = "; ".join(
                f"{_part_label(each)} {self._numbers(each, 0, 0)}"
                for each, (done, total) in self.done.items()
                if done < total
            )
            self.console.print(f"{self._share():4.0%} {estimate}  {running}")

    def end(self) -> None:
        """Stop drawing."""
        if self.bars is not None:
            for part, task in self.tasks.items():
                done, total = self.done[part]
                if done == total:
                    self.bars.update(task, completed=total)
            self.bars.update(self.total, completed=self._share(), numbers=f"{time.monotonic() - self.started:.0f} s")
            self.bars.stop()
            self.bars = None

    def _numbers(self, part: Part, done: int, total: int) -> str:
        scores = self.scores[part]
        shown = f"{done}/{total}  " if total else ""
        for name in (self.metric, "best"):
            if name in scores and scores[name] is not None and math.isfinite(scores[name]):
                shown += f"{name} {scores[name]:.4f}  "
        return shown.rstrip()

    def _share(self) -> float:
        return self.pace.share(self.parts)

    def _estimate(self) -> str:
        """Say how long all fits will take yet."""
        left = self.pace.seconds_left(self.parts)
        return "" if left is None else f"{_clock(left)} left"


class _NumbersColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Render the numbers beside a bar."""
        return Text(str(task.fields.get("numbers", "")), style="cyan")


def _part_label(part: Part) -> str:
    return f"{part.member}  seed {part.seed}" + (f"  fold {part.fold}" if part.fold else "")


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
