"""The search itself: ask, make the trial's run, tell; whatever was begun is gone on with."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from ctk.api import Guard, Trial, TrialOutcome, read_epochs, run_trials
from ctk.contract import Execution, Metric
from ctk.errors import CtkError
from ctk.runs import FAILED, FINISHED, PRUNED
from ctk_search import configs, pruning, results
from ctk_search.book import Book
from ctk_search.outcomes import FACTS, MARKS, share_of
from ctk_search.pruning import Pruning
from ctk_search.settings import Settings
from ctk_search.space import Space
from ctk_search.study import seed_of

ENDED = {FINISHED: TrialState.COMPLETE, PRUNED: TrialState.PRUNED, FAILED: TrialState.FAIL}


class Observer:
    """Who is told how a search goes; this one keeps silent."""

    def begin(self, search: Searching) -> None:
        """It stands, and will be carried out."""

    def beat(self, running: Sequence[Trial]) -> None:
        """Four times a second: the trials that are being made."""

    def ended(self, trial: FrozenTrial) -> None:
        """A trial has ended."""

    def end(self) -> None:
        """No trial is being made any more."""


class Searching:
    """A search whose folder, settings and study stand.

    epochs   of a whole trial, for the pruner
    stopped  why it ended before it had as many trials as wanted; empty if it has
    """

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        space: Space,
        book: Book,
        metric: Metric,
        epochs: int,
        observer: Observer,
    ) -> None:
        self.folder = folder
        self.settings = settings
        self.space = space
        self.book = book
        self.metric = metric
        self.epochs = epochs
        self.observer = observer
        self.pruner = pruning.pruner(settings.pruner, epochs)
        self.deadline = math.inf
        self.stopped = ""

    def run(self, timeout: float | None = None) -> None:
        """Make trials until there are as many as wanted.

        timeout  seconds after which no further trial is begun
        """
        if timeout is not None:
            self.deadline = time.monotonic() + timeout
        execution = Execution(**self.settings.execution)
        self.observer.begin(self)
        try:
            trials = run_trials(self._proposals(), execution, self.folder, self.observer.beat)
            with contextlib.closing(trials) as outcomes:
                for _, outcome in outcomes:
                    self._tell(int(outcome.folder.name), outcome)
        finally:
            self.observer.end()

    def trial_folder(self, number: int) -> Path:
        """Where a trial's run lies."""
        return results.trial_folder(self.folder, number)

    def write_results(self, ended: FrozenTrial | None = None) -> None:
        """Bring the folder up to date, after a trial has ended or altogether."""
        trials = self.book.trials()
        tell = getattr(self.sampler(len(trials)), "history", None)
        history = None if tell is None else partial(tell, self.book.study)
        results.write(self.folder, self.settings, self.space, self.metric, trials, history, ended)

    # Ask -----------------------------------------------------------------------------------------------------------

    def _proposals(self) -> Iterator[Trial]:
        guard = Guard("samplers", self.settings.sampler["name"])
        for frozen in self.book.trials():
            if frozen.state == TrialState.RUNNING:
                sampler = self.sampler(frozen.number)
                with guard("proposing a trial"):
                    whole = self.book.completed(frozen, self.space.distributions, sampler)
                if (trial := self._trial(whole)) is not None:
                    yield trial
        while (number := len(self.book.trials())) < self.settings.trials:
            if time.monotonic() >= self.deadline:
                self.stopped = f"The time is up after {number:,} trials."
                return
            sampler = self.sampler(number)
            with guard("proposing a trial"):
                exhausted = getattr(sampler, "exhausted", None)
                if exhausted is not None and exhausted(self.book.study):
                    self.stopped = f"The sampler has nothing left to propose after {number:,} trials."
                    return
                frozen = self.book.ask(self.space.distributions, sampler)
            if (trial := self._trial(frozen)) is not None:
                yield trial

    def sampler(self, number: int) -> BaseSampler:
        """A new one, for the trial with this number."""
        options = dict(self.settings.sampler)
        guard = Guard("samplers", options.pop("name"))
        factory: Callable[..., BaseSampler] = guard.load()
        with guard("being made"):
            return factory(self.space.distributions, seed_of(self.settings.seed, number), **options)

    def _trial(self, frozen: FrozenTrial) -> Trial | None:
        """The run of a trial; None where its config is refused, which is then told."""
        folder = self.trial_folder(frozen.number)
        overrides = self.space.overrides(frozen.params)
        try:
            config = configs.config_of(self.settings.competition, self.settings.base, overrides, share_of(frozen))
        except CtkError as error:
            self._tell(frozen.number, TrialOutcome(folder, FAILED, problem=str(error)))
            return None
        return Trial(folder, configs.fitted(config), tuple(overrides), self._watch())

    def _watch(self) -> Pruning | None:
        """Compares a trial with those that have ended by now."""
        if self.settings.pruner == "none":
            return None
        ended = [
            (trial.state == TrialState.COMPLETE, trial.intermediate_values, trial.user_attrs.get(MARKS, {}))
            for trial in self.book.trials()
            if trial.state in (TrialState.COMPLETE, TrialState.PRUNED) and trial.intermediate_values
        ]
        return Pruning(self.settings.pruner, self.epochs, self.metric.direction, self.metric.name, ended)

    # Tell ----------------------------------------------------------------------------------------------------------

    def _tell(self, number: int, outcome: TrialOutcome) -> None:
        state, facts = ENDED[outcome.state], results.facts(outcome, self.folder, self.metric)
        if state == TrialState.COMPLETE and not math.isfinite(outcome.score):
            state = TrialState.FAIL
            facts["problem"] = f"Its {self.metric.name} is {outcome.score}, which is no number."
        scores = pruning.curve(read_epochs(outcome.folder), self.metric.name)
        marks = pruning.marks(self.pruner, self.metric.direction, scores)
        self.book.report(number, scores)
        value = outcome.score if state == TrialState.COMPLETE else None
        trial = self.book.tell(number, state, value, **{FACTS: facts, MARKS: marks})
        self.write_results(trial)
        self.observer.ended(trial)
