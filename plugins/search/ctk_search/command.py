"""ctk search: hyper-parameters that score best, every trial a run."""

from __future__ import annotations

from pathlib import Path

import click

from ctk.cli import completion
from ctk.cli.common import as_json, console, data_dir, executor_options, print_json


@click.command()
@click.argument("competition", shell_complete=completion.competitions)
@click.option("--space", required=True, metavar="FILE|NAME", help="A YAML file, or a space of the competition.")
@click.option("--trials", type=click.IntRange(min=1), default=30, show_default=True, help="How many, in all.")
@click.option("--sampler", default="tpe", show_default=True, metavar="NAME", help="What proposes trials.")
@executor_options
@data_dir
@as_json
def search(
    competition: str,
    space: str,
    trials: int,
    sampler: str,
    execution: tuple[str, ...],
    data_dir: Path | None,
    json_: bool,
) -> None:
    """Search hyper-parameters; every trial is a run, and a search that was killed goes on."""
    from ctk_search.api import search as carry_out

    found = carry_out(competition, space=space, trials=trials, sampler=sampler, execution=execution, data=data_dir)
    if json_:
        print_json({"search": found.folder})
    else:
        console.print(f"{found.folder}", highlight=False, soft_wrap=True)
