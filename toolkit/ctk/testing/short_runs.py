"""One short run of something, on the CPU and in this process, watched."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ctk.contract import Competition, Results, RunConfig
from ctk.plugins.guard import competition_of
from ctk.runs import Run
from ctk.testing.home import Home
from ctk.testing.writes import paths_outside, record_writes

ALWAYS = ("device=cpu", "executor.name=serial", "executor.threads=1")


@dataclass
class ShortRun:
    """A short run that ended well, and what was seen meanwhile.

    what         is tried: "loss 'focal' in toy-regression"
    unpicklable  why a worker process could not be handed its task; empty if it can
    outside      paths written where a run may not write
    """

    what: str
    competition: Competition
    results: Results
    unpicklable: str = ""
    outside: list[str] = field(default_factory=list)

    @property
    def run(self) -> Run:
        """The first run's folder."""
        return Run(self.results.folder)


def run_briefly(
    home: Home,
    what: str,
    competition: str,
    config: Mapping[str, Any],
    overrides: Sequence[str] = (),
    dry_run: bool = True,
    checkpoints: Path | None = None,
) -> ShortRun:
    """Run something once. Raises CtkError as a run does."""
    import torch

    from ctk import api
    from ctk.workflow.run import execute_run

    threads = torch.get_num_threads()
    plan = api.plan(
        competition,
        config=config,
        overrides=[*ALWAYS, *overrides],
        dry_run=dry_run,
        checkpoints=checkpoints,
        root=home.runs,
        name="check",
    )
    unpicklable = _unpicklable(plan.config)
    try:
        with record_writes() as paths:
            results = execute_run(plan)
    finally:
        torch.set_num_threads(threads)  # the serial executor sets this process's
    tried = ShortRun(what, competition_of(competition), results, unpicklable=unpicklable)
    tried.outside = paths_outside(paths, home.work, home.runs, home.cache)
    return tried


def _unpicklable(config: RunConfig) -> str:
    """Why a config, with the models' own training schemas in it, cannot be handed to a worker; empty if it can."""
    try:
        same = pickle.loads(pickle.dumps(config)) == config
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "" if same else "it comes out of a pickle as something else"
