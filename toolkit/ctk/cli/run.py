"""ctk run: from data to a validated submission."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import click

from ctk import api
from ctk.cli import completion
from ctk.cli.choice import OneOf
from ctk.cli.json_output import as_json, print_json
from ctk.cli.options import config_options, executor_options, parse_seeds, refresh
from ctk.cli.printing import console
from ctk.cli.ranks import on_first_rank
from ctk.cli.resume import plan_to_resume
from ctk.cli.run_progress import RunProgress
from ctk.cli.run_results import print_results
from ctk.contract import Results
from ctk.errors import UsageError
from ctk.machine import process_age
from ctk.plugins.guard import competition_of
from ctk.runs import KILLED, Run, all_runs, runs_root
from ctk.runs.local_leaderboard import leaderboard_row
from ctk.workflow import fit_clock
from ctk.workflow.run import execute_run


@click.command()
@click.argument("competition", shell_complete=completion.competitions)
@config_options
@click.option("--seeds", help="Seeds of every member that names none, e.g. 1,2,3.")
@click.option(
    "--name", default=None, help="What the run's folder is called, behind the time. Default: the preset, or dry-run."
)
@click.option(
    "--resume",
    metavar="RUN",
    shell_complete=completion.runs,
    help="Go on with a run that was interrupted, failed or killed; or, with -o, give one that is finished another "
    "blend or more time.",
)
@click.option(
    "--dry-run", is_flag=True, help="Two steps of every member on a slice; writes a submission of the right form."
)
@click.option(
    "--stage",
    type=OneOf(["all", "predict"]),
    default="all",
    show_default=True,
    help="predict: fit nothing; the members and the blend of --checkpoints predict the test.",
)
@click.option("--checkpoints", metavar="RUN", shell_complete=completion.runs, help="The run whose members predict.")
@refresh
@executor_options
@as_json
@on_first_rank
def run(
    competition: str,
    how: dict[str, Any],
    overrides: tuple[str, ...],
    seeds: str | None,
    name: str | None,
    resume: str | None,
    dry_run: bool,
    stage: str,
    checkpoints: str | None,
    refresh: bool,
    execution: tuple[str, ...],
    json_: bool,
) -> None:
    """Train, blend, submit and report.

    \b
    ctk run my-competition                                the embedded data, the quick preset
    ctk run my-competition --data DIR --preset baseline   your copy of the competition's data
    ctk run my-competition -o members.0.optimizer.lr=1e-3 --seeds 1,2,3
    ctk run my-competition --executor NAME --address ADDRESS
    ctk run my-competition --resume RUN
    ctk run my-competition --resume RUN -o blend=greedy   the fits stay, the blend is found anew
    ctk run my-competition -o time_limit=10m              ends in time: fits are cut short, members are left out
    ctk run my-competition --resume RUN -o time_limit=0s  of a run that was killed: blends the members that were done
    ctk run my-competition --resume RUN --data DIR        begun on another machine, where its data lay elsewhere
    torchrun --nproc-per-node 4 -m ctk run my-competition  one model on four processes or GPUs
    ctk run my-competition --stage predict --checkpoints RUN --data DIR
    """
    began = fit_clock.now() - process_age()
    known = competition_of(competition)
    if (stage == "predict") != (checkpoints is not None):
        raise UsageError("--stage predict and --checkpoints RUN go together.")
    if resume is not None and refresh:
        raise UsageError("--refresh: a run that is gone on with keeps its data.", "Leave --resume or --refresh out.")
    if not json_:
        _tell_killed(all_runs(runs_root()) if resume is None else iter([Run.find(resume, runs_root())]))
    saved = None if checkpoints is None else Run.find(checkpoints, runs_root())
    if saved is not None and "members" not in saved.config():
        if dry_run or seeds:
            raise UsageError(
                f"{saved.folder} is a blend of runs, and predicts in full.", "Leave --dry-run and --seeds."
            )
        observer, given = RunProgress("", quiet=json_), (*execution, *overrides)
        results = api.predict_with_blend(
            known.named, saved.folder, name=name or "predict", overrides=given, observer=observer, **how
        )
        _show(results, json_)
        return
    if resume is None:
        plan = api.plan(
            known.named,
            **how,
            overrides=(*execution, *overrides),
            seeds=parse_seeds(seeds),
            name=name,
            dry_run=dry_run,
            refresh=refresh,
            checkpoints=None if saved is None else saved.folder,
        )
    else:
        plan = plan_to_resume(known, resume, execution, overrides, how["data"])
    plan.began = began
    _show(execute_run(plan, RunProgress(plan.metric.name, quiet=json_)), json_)


def _show(results: Results, json_: bool) -> None:
    if json_:
        print_json({"run": results.folder, "scores": results.scores, "test": results.truth_scores})
    else:
        print_results(results)


def _tell_killed(runs: Iterator[Run]) -> None:
    """Say of the run before this one, or the one that is gone on with, that it was killed, if it was."""
    for run in islice(runs, 1):
        row = leaderboard_row(run)
        if row.state == KILLED:
            console.print(f"{run.folder} was killed: {row.problem}", soft_wrap=True)
