"""The search itself: ask, make the trial's run, tell; whatever was begun is gone on with."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from ctk.api import configured
from ctk.config import Execution, RunConfig
from ctk.contract import Metric
from ctk.errors import CtkError
from ctk.files import write_text
from ctk.guard import Guard
from ctk.trials import Outcome, Trial, read_epochs, run_trials
from ctk_search import results
from ctk_search.book import Book
from ctk_search.outcomes import FACTS, share_of
from ctk_search.settings import Settings
from ctk_search.shares import with_share
from ctk_search.space import Space
from ctk_search.study import seed_of

ENDED = {"finished": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}


class Observer(Protocol):
    """Who is told how a search goes."""

    def say(self, line: str) -> None:
        """A line worth showing."""

    def beat(self, running: Sequence[Trial]) -> None:
        """Four times a second: the trials that are being made."""

    def ended(self, trial: FrozenTrial) -> None:
        """A trial has ended."""


class Searching:
    """A search whose folder, settings and study stand."""

    def __init__(
        self, folder: Path, settings: Settings, space: Space, book: Book, metric: Metric, observer: Observer
    ) -> None:
        self.folder = folder
        self.settings = settings
        self.space = space
        self.book = book
        self.metric = metric
        self.observer = observer
        self.deadline = math.inf
        self.stopped = ""

    def run(self, timeout: float | None = None) -> str:
        """Make trials until there are as many as wanted; returns why it ended before, or nothing.

        timeout  seconds after which no further trial is begun
        """
        if timeout is not None:
            self.deadline = time.monotonic() + timeout
        execution = Execution(**self.settings.execution)
        trials = run_trials(self._proposals(), execution, self.folder, self.observer.beat)
        with contextlib.closing(trials) as outcomes:
            for _, outcome in outcomes:
                self._tell(int(outcome.folder.name), outcome)
        return self.stopped

    # Ask -----------------------------------------------------------------------------------------------------------

    def _proposals(self) -> Iterator[Trial]:
        for frozen in self.book.trials():
            if frozen.state == TrialState.RUNNING:
                whole = self.book.completed(frozen, self.space.distributions, self._sampler(frozen.number))
                if (trial := self._trial(whole)) is not None:
                    yield trial
        while (number := len(self.book.trials())) < self.settings.trials:
            if time.monotonic() >= self.deadline:
                self.stopped = "The time is up."
                return
            sampler = self._sampler(number)
            if (exhausted := getattr(sampler, "exhausted", None)) and exhausted(self.book.study):
                self.stopped = f"Every point of the space was tried: {number:,}."
                return
            with Guard("samplers", self.settings.sampler["name"])("proposing a trial"):
                frozen = self.book.ask(self.space.distributions, sampler)
            if (trial := self._trial(frozen)) is not None:
                yield trial

    def _sampler(self, number: int) -> BaseSampler:
        options = dict(self.settings.sampler)
        guard = Guard("samplers", options.pop("name"))
        factory: Callable[..., BaseSampler] = guard.load()
        with guard("being made"):
            return factory(self.space.distributions, seed_of(self.settings.seed, number), **options)

    def _trial(self, frozen: FrozenTrial) -> Trial | None:
        """The run of a trial; None where its config is refused, which is then told."""
        folder = self.folder / "trials" / f"{frozen.number:04d}"
        overrides = self.space.overrides(frozen.params)
        try:
            config = with_share(trial_config(self.settings, overrides), share_of(frozen))
        except CtkError as error:
            self._tell(frozen.number, Outcome(folder, "failed", problem=str(error)))
            return None
        return Trial(folder, config, tuple(overrides))

    # Tell ----------------------------------------------------------------------------------------------------------

    def _tell(self, number: int, outcome: Outcome) -> None:
        state, facts = ENDED[outcome.state], results.facts(outcome, self.folder, self.metric)
        if state == TrialState.COMPLETE and not math.isfinite(outcome.score):
            state = TrialState.FAIL
            facts["problem"] = f"Its {self.metric.name} is {outcome.score}, which is no number."
        name = self.metric.name
        scores = {epoch.done: epoch.scores[name] for epoch in read_epochs(outcome.folder) if name in epoch.scores}
        self.book.report(number, scores)
        value = outcome.score if state == TrialState.COMPLETE else None
        trial = self.book.tell(number, state, value, **{FACTS: facts})
        write_text(self.folder / "hpsearch_results.csv", results.table(self.book.study, self.space, self.metric))
        self.observer.ended(trial)


def trial_config(settings: Settings, overrides: Sequence[str]) -> RunConfig:
    """The config of a trial with these overrides."""
    base = dict(settings.base)
    given = base.pop("overrides", None) or ()
    config, _ = configured(settings.competition, overrides=[*given, *overrides], **base)
    return config
