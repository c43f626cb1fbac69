"""ctk validate and ctk score: a submission file against its competition's rules, and against a truth."""

from __future__ import annotations

from pathlib import Path

import click

from ctk import api
from ctk.cli import completion
from ctk.cli.json_output import as_json, print_json
from ctk.cli.options import data_dir, data_options, refresh
from ctk.cli.printing import console, format_score, print_table
from ctk.cli.progress import ProgressBars
from ctk.contract import Graded, Submission


@click.command()
@click.argument("competition", shell_complete=completion.competitions)
@click.argument("file", type=click.Path(path_type=Path))
@data_dir
@data_options
@refresh
@as_json
def validate(
    competition: str, file: Path, data_dir: Path | None, overrides: tuple[str, ...], refresh: bool, json_: bool
) -> None:
    """Check a submission against the test samples: ids, columns, lengths, numbers.

    \b
    ctk validate my-competition submission.csv               the embedded data's test
    ctk validate my-competition submission.csv --data DIR    your copy's
    """
    progress = ProgressBars(quiet=json_)
    try:
        submission = api.validate(
            competition, file, data=data_dir, overrides=overrides, refresh=refresh, progress=progress
        )
    finally:
        progress.stop()
    if json_:
        held = {"rows": len(submission.ids)} if isinstance(submission, Submission) else {"facts": submission.facts}
        print_json({"file": file, "valid": True, **held})
    elif isinstance(submission, Submission):
        console.print(f"{file}: valid, {len(submission.ids):,} rows")
    else:
        console.print("\n".join([f"{file}: valid", *submission.facts]), soft_wrap=True)


@click.command()
@click.argument("competition", shell_complete=completion.competitions)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--truth", required=True, type=click.Path(path_type=Path), help="File with the test's targets.")
@click.option("-o", "overrides", multiple=True, metavar="KEY=VALUE", help="An option of how it is scored.")
@as_json
def score(competition: str, file: Path, truth: Path, overrides: tuple[str, ...], json_: bool) -> None:
    """Score a submission against a truth, as the organisers do. A bundle of models is run in a process of its own.

    \b
    ctk score my-competition submission.csv --truth DIR/test/test.truth.npz
    """
    numbers = api.score(competition, file, truth, overrides=overrides)
    if json_:
        print_json({**numbers, "lines": numbers.lines} if isinstance(numbers, Graded) else numbers)
    else:
        print_table(["", "score"], [[name, format_score(value)] for name, value in numbers.items()], numbers=1)
        for line in numbers.lines if isinstance(numbers, Graded) else ():
            console.print(line, soft_wrap=True)
