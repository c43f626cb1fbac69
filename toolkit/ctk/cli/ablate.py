"""ctk ablate: what a config is worth with something in it changed, over seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ctk.cli import completion
from ctk.cli.common import as_json, console, executor_options, number, print_json, table
from ctk.cli.configuring import config_options, numbers, refuse_others

if TYPE_CHECKING:
    from ctk.series.ablation.outcome import Ablation


@click.command()
@click.argument("competition", shell_complete=completion.competitions)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="NAME:KEY=VALUE",
    shell_complete=completion.variant_options,
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
    ctk ablate my-competition --resume ablation
    """
    from ctk import api
    from ctk.errors import UsageError
    from ctk.plugins.guard.competition import competition_of, is_named
    from ctk.series.ablation.plan import find, read
    from ctk.series.ablation.variants import read_variants

    known = competition_of(competition)
    if resume is None:
        plan = api.plan_ablation(
            known.named,
            read_variants(assignments),
            **how,
            overrides=(*execution, *overrides),
            seeds=numbers(seeds) or (),
            name=name,
        )
    else:
        refuse_others()
        plan = read(find(resume, api.runs_root()), execution)
        if not is_named(known, plan.competition):
            raise UsageError(f"{plan.folder} is an ablation of {plan.competition}, not of {competition}.")
    from ctk.cli.display import Terminal
    from ctk.series.ablation.running import carry_out

    terminal = Terminal("", quiet=json_)
    ablation = carry_out(plan, terminal)
    terminal.end()
    if json_:
        print_json(ablation.plain())
    else:
        _show(ablation)
    if not ablation.compared:
        click.get_current_context().exit(1)


def _show(ablation: Ablation) -> None:
    from ctk.series.ablation import BASE
    from ctk.series.ablation.outcome import percent

    several = ablation.comparisons > 1
    rows = []
    for name, row in ablation.rows().items():
        intervals = [row.interval, *([row.all_intervals] if several else [])]
        rows.append(
            [
                name,
                ", ".join(ablation.overrides[name]),
                number(sum(row.scores) / len(row.scores)) if row.scores else "",
                f"{row.mean:+.4f}" if row.differences else "",
                number(row.std) if row.interval else "",
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
    table(columns, rows, numbers=len(columns) - 2)
    console.print()
    scores = ", ".join(f"{number(score)} with seed {seed}" for seed, score in ablation.scores[BASE].items())
    known = f"The base has {ablation.metric.name} {scores}." if scores else "No run of the base has a score."
    console.print(known)
    for name in (BASE, *ablation.overrides):
        for seed, problem in ablation.problems.get(name, {}).items():
            console.print(f"{name} seed {seed} failed: {problem}", style="red")
    better = "higher" if ablation.metric.direction == "max" else "lower"
    console.print(f"{ablation.rule()} Of {ablation.metric.name}, {better} is better.")
    for file in ("ablation.html", "ablation.csv", "ablation.json"):
        console.print(f"{ablation.folder / file}", soft_wrap=True)
