"""What is shown of a search: a bar for each running trial, a line for each that has ended, the best at the end."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn

from ctk.api import Trial, read_epochs
from ctk.cli import console, format_score, print_table
from ctk.report import duration
from ctk_search.api import SearchResult
from ctk_search.outcomes import facts_of, ranked, share_of
from ctk_search.results import BEST_CONFIG, STATES, best_value
from ctk_search.searching import Observer, Searching
from ctk_search.space import labels, value_text

SHOWN = 5
"""Trials in the table at the end."""


class Terminal(Observer):
    """An observer that draws where it can redraw, and prints a line for each trial that has ended."""

    search: Searching

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.bars: Progress | None = None
        self.tasks: dict[str, TaskID] = {}

    def begin(self, search: Searching) -> None:
        """Say where it lies, and start drawing."""
        self.search = search
        if self.quiet:
            return
        done = sum(trial.state.is_finished() for trial in search.book.trials())
        _say(f"search      {search.folder}")
        if done:
            _say(f"{done} of {search.settings.trials} trials are done already")
        if console.is_terminal:
            self.bars = Progress(
                SpinnerColumn(finished_text="✓"),
                TextColumn("{task.description}", markup=False),
                BarColumn(24),
                TextColumn("{task.completed:.0f}/{task.total:.0f}"),
                TextColumn("{task.fields[told]}", style="cyan", markup=False),
                TimeRemainingColumn(compact=True),
                console=console,
            )
            self.bars.start()
            self.total = self.bars.add_task("all trials", total=search.settings.trials, completed=done, told="")

    def beat(self, running: Sequence[Trial]) -> None:
        """Move the bars."""
        if self.bars is None:
            return
        metric = self.search.metric.name
        for trial in running:
            epochs = read_epochs(trial.folder)
            if not epochs:
                continue
            if trial.folder.name not in self.tasks:
                self.tasks[trial.folder.name] = self.bars.add_task(f"trial {int(trial.folder.name)}", total=1, told="")
            last = epochs[-1]
            told = f"{metric} {format_score(last.scores.get(metric))}"
            self.bars.update(self.tasks[trial.folder.name], completed=last.done, total=last.total, told=told)

    def ended(self, trial: FrozenTrial) -> None:
        """A line for the trial, and the best so far."""
        if self.quiet:
            return
        best = next(iter(ranked(self.search.book.trials(), self.search.metric)), None)
        known = facts_of(trial)
        so_far = "" if best is None else f"best {format_score(best.value)} (trial {best.number})"
        if self.bars is not None:
            self.bars.update(self.total, advance=1, told=so_far)
            if (task := self.tasks.pop(f"{trial.number:04d}", None)) is not None:
                self.bars.remove_task(task)
        parts = [
            f"trial {trial.number:<4}",
            f"{STATES[trial.state]:<8}",
            f"{format_score(best_value(trial, self.search.metric)):>8}",
        ]
        parts += [f"{duration(known.get('seconds', 0)):>7}", so_far]
        if trial.state == TrialState.FAIL:
            parts.append(str(known.get("problem", "")).splitlines()[0])
        _say("  ".join(parts))

    def end(self) -> None:
        """Stop drawing."""
        if self.bars is not None:
            self.bars.stop()
            self.bars = None


def outcome(search: Searching, found: SearchResult) -> None:
    """The best trials, how many ended how, and where things lie."""
    counts = {name: sum(trial.state == state for trial in found.trials) for state, name in STATES.items()}
    told = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "none was made"
    made = "1 trial" if len(found.trials) == 1 else f"{len(found.trials)} trials"
    _say(f"\n{made}: {told}. {found.stopped}".rstrip())
    if not found.ranked:
        return
    short = labels(search.space.parameters)
    partial = any(share_of(trial) < 1 for trial in found.ranked)
    rows = [
        [
            str(trial.number),
            format_score(trial.value),
            *([f"{share_of(trial):.0%}"] if partial else []),
            *(value_text(trial.params.get(name)) for name in short),
            duration(facts_of(trial).get("seconds", 0)),
        ]
        for trial in found.ranked[:SHOWN]
    ]
    console.print()
    print_table(
        ["trial", search.metric.name, *(["epochs"] if partial else []), *short.values(), "time"], rows, len(rows[0])
    )
    console.print()
    lines = {"best run": "best", "submission": "", "results": "hpsearch_results.csv", "page": "search.html"}
    lines["submission"] = next((path.name for path in found.folder.glob("submission.*")), "")
    for label, name in lines.items():
        if name and (found.folder / name).exists():
            _say(f"{label:<12}{found.folder / name}")
    _say(f"again       ctk run {search.settings.competition} --config {found.folder / BEST_CONFIG}")


def _say(line: str) -> None:
    """A line, however long: nobody can copy a path that was broken."""
    console.print(line, soft_wrap=True)
