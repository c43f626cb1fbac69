"""What a competitor sees of a run: progress with an estimate, then the table of scores and where things lie."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence

from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.text import Text

from ctk.cli.printing import console, format_score, print_table
from ctk.cli.progress import PLAIN_EVERY, ProgressBars
from ctk.contract import FoldTable, Results
from ctk.runs import Part
from ctk.workflow.blend_members import BLEND


class Terminal:
    """An observer that draws a bar a part and one for all with the time left; plain lines where it cannot redraw."""

    def __init__(self, metric: str, quiet: bool = False) -> None:
        self.metric = metric
        self.quiet = quiet
        self.bars: Progress | None = None
        self.tasks: dict[Part, TaskID] = {}
        self.parts: list[Part] = []
        self.done: dict[Part, tuple[int, int]] = {}
        self.scores: dict[Part, Mapping[str, float]] = {}
        self.started = 0.0
        self.told = 0.0
        self.work = ProgressBars(quiet)

    def say(self, line: str) -> None:
        """One line."""
        self.work.stop()
        if not self.quiet:
            console.print(line)

    def working(self, what: str, done: int, total: int) -> None:
        """A bar, or a line now and then, for work before the fits."""
        self.work(what, done, total)

    def begin(self, parts: Sequence[Part], fitted: Sequence[Part]) -> None:
        """Start drawing."""
        self.work.stop()
        self.started = self.told = time.monotonic()
        self.parts = [part for part in parts if part not in fitted]
        if fitted:
            self.say(f"{len(fitted)} of {len(parts)} fits are done already")
        if self.quiet or not console.is_terminal:
            return
        self.bars = Progress(
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description}", markup=False),
            BarColumn(24),
            _Numbers(),
            console=console,
        )
        self.bars.start()
        self.total = self.bars.add_task("all fits", total=1.0, numbers="")

    def progress(self, part: Part, done: int, total: int, scores: Mapping[str, float]) -> None:
        """Move a part's bar and the estimate."""
        self.done[part] = done, total
        self.scores[part] = scores
        if self.bars is not None:
            if part not in self.tasks:
                self.tasks[part] = self.bars.add_task(_label(part), total=total, numbers="")
            self.bars.update(self.tasks[part], completed=done, numbers=self._numbers(part, done, total))
            self.bars.update(self.total, completed=self._share(), numbers=self._estimate())
        elif not self.quiet and time.monotonic() - self.told > PLAIN_EVERY:
            self.told = time.monotonic()
            running = "; ".join(
                f"{_label(each)} {self._numbers(each, 0, 0)}"
                for each, (done, total) in self.done.items()
                if done < total
            )
            console.print(f"{self._share():4.0%} {self._estimate()}  {running}")

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
        """How much is done. A part that has not begun is taken to be as long, in epochs, as the longest that has."""
        longest = max((total for _, total in self.done.values()), default=1)
        units = sum(self.done[part][1] if part in self.done else longest for part in self.parts)
        return sum(done for done, _ in self.done.values()) / max(1, units)

    def _estimate(self) -> str:
        share = self._share()
        if not share:
            return ""
        return f"{_clock((time.monotonic() - self.started) * (1 - share) / share)} left"


class _Numbers(ProgressColumn):
    def render(self, task: Task) -> Text:
        """The numbers beside a bar."""
        return Text(str(task.fields.get("numbers", "")), style="cyan")


def outcome(results: Results) -> None:
    """The table of members, the blend and the test, and the paths."""
    metric = results.metric.name
    shown = list(results.headline)
    rows = []
    for key, scores in results.scores.items():
        weight = results.blend.weights.get(key)
        mark = "baseline" if key in results.baselines else "" if key == BLEND else format_score(weight, 2)
        took = f"{results.seconds[key]:.0f} s" if key in results.seconds else ""
        label = f"blend ({run_blender(results)})" if key == BLEND else key
        rows.append([label, *(format_score(scores[name]) for name in shown), mark, took])
    if results.truth_scores:
        rows.append(["the same, on the test", *(format_score(results.truth_scores[name]) for name in shown), "", ""])
    console.print()
    if rows:
        print_table(["member", *shown, "weight", "time"], rows, numbers=len(shown) + 2)
        console.print()
    if results.folds is not None:
        fold_table(results.folds)
    if BLEND in results.scores:
        for key in sorted(results.baselines):
            ours, theirs = results.scores[BLEND][metric], results.scores[key][metric]
            gain = f" ({ours / theirs - 1:+.0%})" if theirs > 0 else ""
            console.print(
                f"The blend's {metric} is {ours - theirs:+.4f}{gain} against {key} on the same validation split.",
            )
    console.print(
        f"submission  {results.submission}   {len(results.submitted):,} rows, valid",
        soft_wrap=True,
    )
    console.print(f"report      {results.folder / 'report.html'}", soft_wrap=True)


def fold_table(found: FoldTable) -> None:
    """A row a member, a column a fold; then what was checked."""
    folds = range(len(found.validated))
    rows = [
        ["rows trained on", *(f"{rows:,}" for rows in found.trained)],
        ["rows validated", *(f"{rows:,}" for rows in found.validated)],
        *([["from time", *(str(first) for first, _ in found.spans)]] if found.spans else []),
        *([["to time", *(str(last) for _, last in found.spans)]] if found.spans else []),
    ]
    rows = [[*row, "", "", ""] for row in rows]
    for key, scores in found.scores.items():
        summary = (found.mean(key), found.deviation(key), found.pooled[key])
        rows.append([key, *(format_score(score) for score in scores), *(format_score(each) for each in summary)])
    print_table(
        [f"{found.metric} by fold", *(str(fold) for fold in folds), "mean", "std", "pooled"], rows, len(folds) + 3
    )
    for line in found.checked:
        console.print(line)
    console.print()


def run_blender(results: Results) -> str:
    """The blender's name, and of how many members."""
    blender = results.config["blend"]["name"]
    return f"{blender} of {sum(weight != 0 for weight in results.blend.weights.values())}"


def _label(part: Part) -> str:
    return f"{part.member}  seed {part.seed}" + (f"  fold {part.fold}" if part.fold else "")


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
