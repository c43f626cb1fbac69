"""ctk ablate: what a config is worth with something in it changed, over seeds."""

from __future__ import annotations

from typing import Any

import click

from ctk import api
from ctk.cli import completion, config_completion
from ctk.cli.json_output import as_json, print_json
from ctk.cli.options import config_options, executor_options, parse_seeds
from ctk.cli.printing import console, format_score, print_table
from ctk.cli.resume import refuse_other_options
from ctk.cli.run_progress import RunProgress
from ctk.errors import UsageError, hide_secrets, without_secrets
from ctk.plugins.guard import competition_of, is_named
from ctk.runs import runs_root
from ctk.series.ablation import BASE
from ctk.series.ablation.outcome import Ablation, percent
from ctk.series.ablation.plan import find_ablation, read_plan
from ctk.series.ablation.run_ablation import run_ablation
from ctk.series.ablation.variants import read_variants


@click.command()
@click.argument("competition", shell_complete=completion.competitions)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="NAME:KEY=VALUE",
    shell_complete=config_completion.variant_options,
    help="A variant and what it changes in the base; again with the same name for a further key.",
)
@config_options
@click.option("--seeds", default="1,2,3", show_default=True, help="Seeds that the base and every variant are run with.")
@click.option("--name", default="ablation", show_default=True, help="What the folder is called, behind the time.")
@click.option(
    "--resume",
    metavar="ABLATION",
    shell_complete=completion.ablations,
    help="Go on with one that was interrupted or killed, or had runs that failed.",
)
@executor_options
@as_json
def ablate(
    competition: str,
    assignments: tuple[str, ...],
    how: dict[str, Any],
    overrides: tuple[str, ...],
    seeds: str,
    name: str,
    resume: str | None,
    execution: tuple[str, ...],
    json_: bool,
) -> None:
    """Run a base and variants of it with the same seeds; tell differences from noise.

    \b
    ctk ablate my-competition --set no-dropout:members.0.model.dropout=0
    ctk ablate my-competition --set wide:members.1.model.hidden=1024 --set wide:members.1.epochs=60 --seeds 1,2,3,4,5
    ctk ablate my-competition --set a:blend=mean --set b:blend=greedy --preset baseline --data DIR
    ctk ablate my-competition                  # the variants that it brings, of its preset "ablation"
    ctk ablate my-competition --resume ablation
    """
    known = competition_of(competition)
    if resume is None:
        plan = api.plan_ablation(
            known.named,
            read_variants(assignments),
            **how,
            overrides=(*execution, *overrides),
            seeds=parse_seeds(seeds) or (),
            name=name,
        )
    else:
        refuse_other_options()
        plan = read_plan(find_ablation(resume, runs_root()), execution)
        if not is_named(known, plan.competition):
            raise UsageError(f"{plan.folder} is an ablation of {plan.competition}, not of {competition}.")
    progress = RunProgress("", quiet=json_)
    ablation = run_ablation(plan, progress)
    progress.end()
    if json_:
        print_json(without_secrets(ablation.plain()))
    else:
        _print_ablation(ablation)
    if not ablation.compared:
        click.get_current_context().exit(1)


def _print_ablation(ablation: Ablation) -> None:
    several = ablation.comparisons > 1
    rows = []
    for name, row in ablation.rows().items():
        intervals = [row.interval, *([row.all_intervals] if several else [])]
        rows.append(
            [
                name,
                hide_secrets(", ".join(ablation.overrides[name])),
                format_score(sum(row.scores) / len(row.scores)) if row.scores else "",
                f"{row.mean:+.4f}" if row.differences else "",
                format_score(row.std) if row.interval else "",
                *("" if each is None else f"{each[0]:+.4f} to {each[1]:+.4f}" for each in intervals),
                row.verdict,
            ]
        )
    levels = [percent(0.95), *([percent(ablation.level)] if several else [])]
    columns = [
        "variant",
        "sets",
        ablation.metric.name,
        "difference",
        "std",
        *(f"{each} interval" for each in levels),
        "",
    ]
    console.print()
    print_table(columns, rows, numbers=len(columns) - 2)
    console.print()
    scores = ", ".join(f"{format_score(score)} with seed {seed}" for seed, score in ablation.scores[BASE].items())
    known = f"The base has {ablation.metric.name} {scores}." if scores else "No run of the base has a score."
    console.print(known)
    for name in (BASE, *ablation.overrides):
        for seed, problem in ablation.problems.get(name, {}).items():
            console.print(f"{name} seed {seed} failed: {problem}", style="red")
    better = "higher" if ablation.metric.direction == "max" else "lower"
    console.print(f"{ablation.rule()} Of {ablation.metric.name}, {better} is better.")
    for file in ("ablation.html", "ablation.csv", "ablation.json"):
        console.print(f"{ablation.folder / file}", soft_wrap=True)
