"""A search from Python.

from ctk_search import search

if __name__ == "__main__":
    found = search("aml-retrieval", space="quick", trials=30)
    print(found.best.params, found.best.value, found.folder / "best-config.yaml")
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna.trial import FrozenTrial, TrialState

from ctk.api import (
    Guard,
    checked,
    choose_workers,
    competition_of,
    interrupt_on_sigterm,
    metric_of,
    override,
    read_yaml,
    resolve_choice,
)
from ctk.contract import Choice, Execution, RunConfig, Tabular
from ctk.errors import HIDDEN, CtkError, UsageError
from ctk.files import refuse_ways_out
from ctk.runs import Run, find_shortened, nearest_shortened, runs_root
from ctk_search import configs, pruning
from ctk_search import space as spaces
from ctk_search import study as studies
from ctk_search.book import Book
from ctk_search.outcomes import facts_of, ranked
from ctk_search.page import write_page
from ctk_search.searching import Observer, Searching
from ctk_search.settings import FILE, Settings
from ctk_search.shell_bar import ShellBar

if TYPE_CHECKING:
    from pandas import DataFrame

MANY = 1_000_000
"""Trials; no machine makes so many side by side."""


@dataclass(frozen=True, repr=False)
class SearchResult(Tabular):
    """What a search came to.

    folder   of the search
    trials   all of them, in their order
    ranked   those that have a score, the best first
    stopped  why it ended before it had as many trials as wanted; empty if it has
    """

    folder: Path
    trials: Sequence[FrozenTrial]
    ranked: Sequence[FrozenTrial]
    stopped: str = ""

    @property
    def best(self) -> FrozenTrial:
        """The trial with the best score."""
        return self.ranked[0]

    def heading(self) -> str:
        """Say what the search came to."""
        best = f", the best {self.best.value:.4f}" if self.ranked else ""
        return f"{self.folder} · {len(self.ranked):,} of {len(self.trials):,} trials have a score{best}"

    def table(self) -> DataFrame:
        """Make a table of a row a trial that has a score, the best first: it, and what was chosen."""
        from pandas import DataFrame

        numbers = [each.number for each in self.ranked]
        return DataFrame([{"score": each.value, **each.params} for each in self.ranked], index=numbers)


@checked
def search(
    competition: str,
    *,
    space: Path | str | Mapping[str, Any],
    trials: int,
    sampler: str = "tpe",
    sampler_options: Sequence[str] = (),
    pruner: pruning.Name = "median",
    seed: int = 0,
    storage: str | None = None,
    timeout: float | None = None,
    name: str = "search",
    execution: Sequence[str] = (),
    root: Path | None = None,
    observer: Observer | None = None,
    data: Path | str | None = None,
    preset: str | None = None,
    config: Path | str | Mapping[str, Any] | None = None,
    overrides: Sequence[str] = (),
    seeds: Sequence[int] | None = None,
) -> SearchResult:
    """Search a space; raises CtkError for all that a user can mend, and where every trial failed.

    space      a YAML file, a mapping as it stands in one, or the name of a space of the competition
    trials     how many in all, failed and pruned ones too
    sampler    a registered sampler, with ``sampler_options`` as "key=value"
    pruner     "median", "halving" or "none"
    seed       of the sampler; those of members are ``seeds``
    storage    URL of a database for Optuna's study; None is a file in the search's folder
    timeout    seconds after which no trial is begun
    name       of the folder, behind the time, and of the study in a storage
    execution  overrides of the executor, such as "executor.workers=2"
    root       folder of runs; None is $CTK_RUNS or ./runs
    data, preset, config, overrides, seeds  what all trials' configs grow from, as for ``ctk.run``
    """
    known = competition_of(competition)
    found = spaces.find(space, known)
    base: dict[str, Any] = {
        "data": None if data is None else str(Path(data).resolve()),
        "preset": preset or found.preset,
        "config": config if config is None or isinstance(config, Mapping) else read_yaml(Path(config)),
        "overrides": [*execution, *overrides],
        "seeds": None if seeds is None else list(seeds),
    }
    first = configs.check(found, known.named, base)
    url = None if storage is None else studies.url_of(storage)
    settings = Settings(
        competition=known.named,
        study=f"{known.id}/{name}",
        space=dict(found.raw),
        sampler=_sampler(sampler, sampler_options, found),
        pruner=pruner,
        seed=seed,
        trials=trials,
        base=base,
        storage=None if url is None else studies.masked_url(url),
        execution=_bounded(first.executor, trials).model_dump(),
    )
    run = Run.create(root or runs_root(), known.id, name)
    try:
        settings.save(run.folder)  # first: a study whose folder lacks them could not be gone on with
        book = studies.create(
            url or studies.own_url(run.folder),
            settings.study,
            metric_of(first.metric or known.metric).direction,
            settings.fingerprint,
            run.folder,
        )
    except BaseException:
        shutil.rmtree(run.folder, ignore_errors=True)  # nothing could be gone on with
        raise
    return _carry_out(run.folder, settings, found, book, first, timeout, observer)


@checked
def resume(
    folder: Path,
    *,
    trials: int | None = None,
    storage: str | None = None,
    timeout: float | None = None,
    execution: Sequence[str] = (),
    observer: Observer | None = None,
) -> SearchResult:
    """Go on with a search that was interrupted or killed, or make more trials; the same ones that it would have made.

    trials     how many in all, if another number
    storage    needed where the URL has secrets, which were not kept
    execution  another executor; as many workers and threads as before, or trials would differ. Raises UsageError
    """
    settings = Settings.load(folder)
    if trials is not None:
        settings = replace(settings, trials=trials)
    if execution:
        settings = replace(settings, execution=_moved(settings, execution))
    choose_workers(Execution(**settings.execution), settings.trials)
    if storage is None and settings.storage is not None and HIDDEN in settings.storage:
        raise UsageError(
            f"{folder}: the secrets of the storage's URL were not kept.", "Give the whole URL again: --storage URL."
        )
    given = storage or settings.storage
    url = studies.own_url(folder) if given is None else studies.url_of(given)
    found = spaces.parse(settings.space)
    first = configs.check(found, settings.competition, settings.base)
    direction = metric_of(competition_of(settings.competition).metric).direction
    refuse_ways_out(folder)  # the database is written to from here on
    book = studies.load(url, settings.study, direction, settings.fingerprint, folder)
    return _carry_out(folder, settings, found, book, first, timeout, observer)


def find(text: str, competition: str, root: Path) -> Path:
    """A search's folder, by itself or by a part of its name that no other under ``root`` has. Raises UsageError."""
    if (Path(text) / FILE).is_file():
        return Path(text)
    known = [path.parent for path in sorted((root / competition).glob(f"*/{FILE}"))]
    if (found := find_shortened(text, known, "searches")) is not None:
        return found
    raise UsageError(
        f"There is no search '{text}' of {competition}.",
        nearest_shortened(text, known) or f"Searches lie in {root / competition}.",
    )


def _carry_out(
    folder: Path,
    settings: Settings,
    space: spaces.Space,
    book: Book,
    first: RunConfig,
    timeout: float | None,
    observer: Observer | None,
) -> SearchResult:
    again = f"ctk search {settings.competition} --resume {folder}"
    metric = metric_of(first.metric or competition_of(settings.competition).metric)
    epochs = configs.longest(first)
    searching = Searching(folder, settings, space, book, metric, epochs, observer or ShellBar())
    with Run(folder).locked(), closing(book):
        settings.save(folder)
        try:
            with interrupt_on_sigterm():
                searching.run(timeout)
        except KeyboardInterrupt:
            write_page(searching)
            raise CtkError("Interrupted.", f"Go on with: {again}") from None
        except CtkError as error:
            raise type(error)(error.problem, f"{error.help} Go on with: {again}".strip()) from error
        trials = book.trials()
        searching.write_results()  # what a kill between a trial's end and its row left out
        write_page(searching)
    failed = [trial for trial in trials if trial.state == TrialState.FAIL]
    if trials and len(failed) == len(trials):
        told = facts_of(failed[0])["problem"]
        many = f"All {len(trials)} trials failed; the first" if len(trials) > 1 else "The only trial failed"
        raise CtkError(f"{many}: {told}", f"See {folder / 'trials'}.")
    return SearchResult(folder, trials, ranked(trials, metric), searching.stopped)


def _sampler(name: str, options: Sequence[str], space: spaces.Space) -> dict[str, Any]:
    """A sampler with its options, checked and filled in, after it has seen the space. Raises UsageError."""
    given: dict[str, Any] = {"name": name}
    for each in options:
        if "=" not in each:
            raise UsageError(f"--sampler-option {each}: an option is key=value.", "For example n_startup_trials=20.")
        override(given, each)
    chosen = resolve_choice(Choice(**given), "samplers", "sampler")
    Guard("samplers", chosen.name).load()(space.distributions, 0, **chosen.options)
    return chosen.model_dump()


def _bounded(execution: Execution, trials: int) -> Execution:
    """The executor with numbers of workers and threads. Raises UsageError for one that would take all trials at once,
    so that each would be proposed before any is known."""
    made = choose_workers(execution, trials)
    if not execution.workers and choose_workers(execution, MANY).workers == MANY:
        raise UsageError(
            f"The executor '{execution.name}' takes as many trials at a time as there are, and each would be proposed "
            "without knowing any other.",
            "Say how many are made side by side: --workers N.",
        )
    return made


def _moved(settings: Settings, execution: Sequence[str]) -> dict[str, Any]:
    """Another executor with as many workers and threads."""
    raw: dict[str, Any] = {"executor": dict(settings.execution)}
    for each in execution:
        override(raw, each)
    if isinstance(raw["executor"], str):
        raw["executor"] = {"name": raw["executor"]}
    made = {"workers": settings.execution["workers"], "threads": settings.execution["threads"], **raw["executor"]}
    if any(made[key] != settings.execution[key] for key in ("workers", "threads")):
        raise UsageError(
            f"This search has workers: {settings.execution['workers']}, threads: {settings.execution['threads']}; with "
            "other numbers its trials would differ.",
            "Leave --workers out, or begin a new search.",
        )
    return resolve_choice(Execution(**made), "executors", "executor").model_dump()
