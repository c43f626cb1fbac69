"""ctk submit: a submission file to the platform that holds the competition, validated first."""

from __future__ import annotations

from pathlib import Path

import click

from ctk import api
from ctk.cli import completion
from ctk.cli.json_output import as_json, print_json
from ctk.cli.options import data_dir, data_options
from ctk.cli.printing import console
from ctk.cli.progress import ProgressBars
from ctk.contract import Submission
from ctk.plugins.guard import competition_of
from ctk.plugins.platforms import platform_of


@click.command()
@click.argument("competition", shell_complete=completion.competitions)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-m", "--message", required=True, help="What the submission is, for you to find it again.")
@data_dir
@data_options
@as_json
def submit(
    competition: str, file: Path, message: str, data_dir: Path | None, overrides: tuple[str, ...], json_: bool
) -> None:
    """Check a submission as `ctk validate` does, and hand it in.

    \b
    ctk submit my-competition runs/my-competition/1122-045252-quick/submission.csv -m "four seeds" --data DIR
    """
    known = competition_of(competition)
    platform = platform_of(known)
    platform.check_submit(known.slug)
    progress = ProgressBars(quiet=json_)
    try:
        submission = api.validate(competition, file, data=data_dir, overrides=overrides, progress=progress)
    finally:
        progress.stop()
    rows = len(submission.ids) if isinstance(submission, Submission) else None  # a bundle has none
    if not json_:
        console.print(f"{file}: valid" + ("" if rows is None else f", {rows:,} rows"), soft_wrap=True)
    receipt = platform.submit(known.slug, file, message)
    if json_:
        print_json({"file": file, "rows": rows, "answer": receipt.answer, "left_today": receipt.left})
        return
    left = "" if receipt.left is None else f"  {receipt.left} left today"
    console.print(f"{known.platform}: {receipt.answer}{left}", soft_wrap=True)
