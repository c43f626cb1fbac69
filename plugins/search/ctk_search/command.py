"""ctk search: hyper-parameters that score best, every trial a run."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import click

from ctk.cli import OneOf, as_json, completion, config_options, executor_options, parse_seeds, print_json

PRUNERS = ("median", "halving", "none")
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


@completion.completer
def spaces(context: click.Context, typed: str) -> Iterable[tuple[str, str]]:
    """Spaces of the competition that is named before."""
    from ctk.api import competition_of

    given = context.params.get("competition") or next(iter(context.args), "")
    return [(name, "") for name in competition_of(given).spaces()]


@click.command()
@click.argument("competition", shell_complete=completion.competitions)
@click.option("--trials", type=click.IntRange(min=1), help="How many in all.  [default: 30]")
@click.option(
    "--space", metavar="FILE|NAME", shell_complete=spaces, help="What is chosen from: a YAML file, or a named space."
)
@click.option(
    "--sampler",
    metavar="NAME",
    shell_complete=completion.component("samplers"),
    help="What proposes trials: random, grid, tpe or a plugin's.  [default: tpe]",
)
@click.option(
    "--sampler-option", "sampler_options", multiple=True, metavar="KEY=VALUE", help="An option of the sampler."
)
@click.option("--pruner", type=OneOf(PRUNERS), help="What ends hopeless trials.  [default: median]")
@click.option("--seed", type=click.IntRange(min=0), help="Of the sampler.  [default: 0]")
@click.option("--timeout", metavar="TIME", help="Begin no trial after it: seconds, or 90m, 2h.")
@click.option("--storage", metavar="URL", help="Database of Optuna's study. Default: a file in the search's folder.")
@executor_options
@config_options
@click.option("--seeds", help="Seeds of every member that names none, e.g. 1,2,3.")
@click.option("--name", help="What the search's folder is called, behind the time.  [default: search]")
@click.option(
    "--resume", metavar="SEARCH", help="Go on with a search that was interrupted or killed, or make it longer."
)
@as_json
def search(
    competition: str,
    trials: int | None,
    space: str | None,
    sampler: str | None,
    sampler_options: tuple[str, ...],
    pruner: str | None,
    seed: int | None,
    timeout: str | None,
    storage: str | None,
    execution: tuple[str, ...],
    how: dict[str, Any],
    overrides: tuple[str, ...],
    seeds: str | None,
    name: str | None,
    resume: str | None,
    json_: bool,
) -> None:
    """Search hyper-parameters with Optuna. Every trial is a run; a search that was killed goes on as it would have.

    \b
    ctk search aml-retrieval --space quick --trials 30
    ctk search aml-retrieval --space space.yaml --sampler random --seed 7 --workers 2 --timeout 2h
    ctk search aml-retrieval --space reference --data DIR --sampler tpe --sampler-option n_startup_trials=20
    ctk search aml-retrieval --resume search --trials 60
    ctk run aml-retrieval --config runs/aml-retrieval/1122-093000-search/best-config.yaml
    """
    from ctk.errors import UsageError

    fresh = (space, sampler, sampler_options, pruner, seed, *how.values(), overrides, seeds, name)
    if resume is None and space is None:
        raise UsageError("What to choose from is missing: --space.", "A YAML file, or a name from `ctk info`.")
    if resume is not None and any(given not in (None, ()) for given in fresh):
        raise UsageError(
            "--resume goes on with a search as it was begun.",
            "It takes --trials, --timeout, --storage and --executor alone.",
        )
    limit, trained = _seconds(timeout), parse_seeds(seeds)
    from ctk.runs import runs_root
    from ctk_search import api
    from ctk_search.terminal import Terminal, outcome

    terminal = Terminal(quiet=json_)
    if resume is not None:
        found = api.resume(
            api.find(resume, competition, runs_root()),
            trials=trials,
            storage=storage,
            timeout=limit,
            execution=execution,
            observer=terminal,
        )
    else:
        found = api.search(
            competition,
            space=str(space),
            trials=trials or 30,
            sampler=sampler or "tpe",
            sampler_options=sampler_options,
            pruner=pruner or "median",  # type: ignore[arg-type]
            seed=seed or 0,
            storage=storage,
            timeout=limit,
            name=name or "search",
            execution=execution,
            observer=terminal,
            **how,
            overrides=overrides,
            seeds=trained,
        )
    if json_:
        best = found.ranked[0] if found.ranked else None
        print_json(
            {
                "search": found.folder,
                "trials": len(found.trials),
                "stopped": found.stopped,
                "best": None if best is None else {"trial": best.number, "score": best.value, "params": best.params},
            }
        )
    else:
        outcome(terminal.search, found)


def _seconds(timeout: str | None) -> float | None:
    from ctk.errors import UsageError

    if timeout is None:
        return None
    parts = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", timeout)
    if parts is None:
        raise UsageError(f"--timeout {timeout}: is no time.", "Give seconds, or a number with m, h or d: 90m.")
    return float(parts[1]) * SECONDS[parts[2]]
