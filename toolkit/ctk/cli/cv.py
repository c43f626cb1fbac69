"""ctk cv: a run that validates on every fold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import click

from ctk import api
from ctk.cli import completion
from ctk.cli.choice import OneOf
from ctk.cli.json_output import as_json, print_json
from ctk.cli.options import config_options, executor_options, parse_seeds
from ctk.cli.resume import plan_to_resume
from ctk.cli.run_progress import RunProgress
from ctk.cli.run_results import print_results
from ctk.config.split_overrides import split_overrides
from ctk.contract.run_config import Scheme
from ctk.plugins.guard import competition_of
from ctk.workflow.run import execute_run


@click.command()
@click.argument("competition", shell_complete=completion.competitions)
@click.option("--folds", default=5, show_default=True, help="Folds that are validated on.")
@click.option(
    "--scheme",
    type=OneOf(get_args(Scheme)),
    default="group",
    show_default=True,
    help="How rows become folds: one by one; so, with alike shares of the target in each fold; by whole groups; "
    "by groups, with alike shares; by blocks of time, each trained on what is earlier.",
)
@click.option(
    "--group", metavar="NAME", help="Group that stays on one side, or is the time. Default: the preset's split.by."
)
@click.option("--stratify", metavar="NAME", help="Group whose shares are alike in every fold, instead of the target.")
@config_options
@click.option("--seeds", help="Seeds of every member that names none, e.g. 1,2,3.")
@click.option("--name", default=None, help="What the run's folder is called, behind the time. Default: the preset.")
@click.option(
    "--resume", metavar="RUN", shell_complete=completion.runs, help="Go on with one that was interrupted or killed."
)
@executor_options
@as_json
def cv(
    competition: str,
    folds: int,
    scheme: str,
    group: str | None,
    stratify: str | None,
    how: dict[str, Any],
    overrides: tuple[str, ...],
    seeds: str | None,
    name: str | None,
    resume: str | None,
    execution: tuple[str, ...],
    json_: bool,
) -> None:
    """Cross-validate: out-of-fold predictions of every row, and each member's score by fold.

    \b
    ctk cv my-competition --folds 5                                    the preset's groups
    ctk cv my-competition --scheme group --group site
    ctk cv my-competition --scheme stratified-group --group patient
    ctk cv my-competition --scheme time --group time -o split.gap=10   trained on what is earlier, less 10 units
    ctk cv my-competition --scheme time --group time -o split.chain=false
    ctk cv my-competition --resume RUN
    """
    known = competition_of(competition)
    if resume is None:
        plan = api.plan(
            known.named,
            **how,
            overrides=(*split_overrides(folds, scheme, group, stratify), *execution, *overrides),
            seeds=parse_seeds(seeds),
            name=name,
        )
    else:
        plan = plan_to_resume(known, resume, execution, overrides)
    results = execute_run(replace(plan, verb="cv"), RunProgress(plan.metric.name, quiet=json_))
    if json_:
        print_json(
            {
                "run": results.folder,
                "scores": results.scores,
                "test": results.truth_scores,
                "folds": None if results.folds is None else results.folds.plain(),
            }
        )
    else:
        print_results(results)
