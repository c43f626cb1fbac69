"""A search from Python.

from ctk_search import search

found = search("aml-retrieval", space="space.yaml", trials=30, workers=2)
found.best.params, found.best.value, found.folder / "best-config.yaml"
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial

from ctk.api import configured, runs_root
from ctk.competition import competition_of
from ctk.config import override
from ctk.guard import metric_of
from ctk.plugins import plugins
from ctk.pools import placed
from ctk.runs import Run
from ctk.schema import Choice, component
from ctk.trials import Trial
from ctk.workflow import terminable
from ctk_search import space as spaces
from ctk_search import study as studies
from ctk_search.book import Book
from ctk_search.outcomes import complete
from ctk_search.searching import Observer, Searching
from ctk_search.settings import Settings


class Silent:
    """An observer that is told everything and says nothing."""

    def say(self, line: str) -> None: ...

    def beat(self, running: Sequence[Trial]) -> None: ...

    def ended(self, trial: FrozenTrial) -> None: ...


@dataclass(frozen=True)
class Found:
    """What a search came to: its folder, all trials in their order, the best of those that have a score, or None."""

    folder: Path
    trials: Sequence[FrozenTrial]
    best: FrozenTrial | None
    stopped: str = ""


def search(
    competition: str,
    *,
    space: Path | str | Mapping[str, Any],
    trials: int,
    sampler: str = "tpe",
    sampler_options: Sequence[str] = (),
    pruner: str = "median",
    seed: int = 0,
    storage: str | None = None,
    timeout: float | None = None,
    execution: Sequence[str] = (),
    name: str | None = None,
    root: Path | None = None,
    observer: Observer | None = None,
    data: Path | str | None = None,
    preset: str | None = None,
    config: Path | str | Mapping[str, Any] | None = None,
    overrides: Sequence[str] = (),
    seeds: Sequence[int] | None = None,
) -> Found:
    """Search a space; raises CtkError for all that a user can mend, and where every trial failed.

    space      a YAML file, a mapping as it stands in one, or the name of a space of the competition
    trials     how many, failed and pruned ones too
    sampler    a registered sampler, with ``sampler_options`` as "key=value"
    pruner     "median", "halving" or "none"
    seed       of the sampler; those of members are ``seeds``
    storage    URL of a database for Optuna's study; None is a file in the search's folder
    timeout    seconds after which no trial is begun
    execution  overrides of the executor, such as "executor.workers=2"
    root       folder of runs; None is $CTK_RUNS or ./runs
    data, preset, config, overrides, seeds  what all trials' configs grow from, as for ``ctk.run``
    """
    known = competition_of(competition)
    found = spaces.find(space, known)
    base: dict[str, Any] = {
        "data": None if data is None else str(Path(data).resolve()),
        "preset": preset or found.preset,
        "config": config if config is None or isinstance(config, Mapping) else _read(config),
        "overrides": [*execution, *overrides],
        "seeds": None if seeds is None else list(seeds),
    }
    options: dict[str, Any] = {"name": sampler}
    for each in sampler_options:
        override(options, each)
    chosen = component(Choice(**options), "samplers", "sampler", plugins())
    whole, _ = configured(known.named, **{**base, "overrides": [*base["overrides"], *found.overrides({})]})
    settings = Settings(
        competition=known.named,
        study="",
        space=dict(found.raw),
        sampler=chosen.model_dump(),
        pruner=pruner,
        seed=seed,
        trials=trials,
        base=base,
        storage=studies.kept(storage),
        execution=placed(whole.executor, trials).model_dump(),
    )
    run = Run.create(root or runs_root(), known.id, name or "search")
    settings = replace(settings, study=run.folder.name)
    settings.save(run.folder)
    metric = metric_of(known.metric)
    url = studies.url_in(run.folder, storage)
    with run.locked(), terminable():
        study, store = studies.create(url, settings.study, metric.direction, settings.fingerprint, run.folder)
        book = Book(study, store, url)
        searching = Searching(run.folder, settings, found, book, metric, observer or Silent())
        stopped = searching.run(timeout)
    best = complete(study)
    return Found(run.folder, book.trials(), best[0] if best else None, stopped)


def _read(path: Path | str) -> dict[str, Any]:
    from ctk.config import read_yaml

    return read_yaml(Path(path))
