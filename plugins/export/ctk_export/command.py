"""ctk export: fitted members as files that other programs run."""

from __future__ import annotations

from pathlib import Path

import click

from ctk.cli import OneOf, ProgressBars, as_json, completion, console, print_json, print_table
from ctk_export.choices import FORMATS, HIGHEST, LOWEST, OPSET


@click.command()
@click.argument("run", shell_complete=completion.runs)
@click.option(
    "--format", "format_", type=OneOf(FORMATS), required=True, help="What to write; safetensors are the weights alone."
)
@click.option(
    "--member",
    metavar="NAME",
    shell_complete=completion.members,
    help="One member of the run. Default: all that can be exported.",
)
@click.option("--seed", type=int, metavar="S", help="One seed. Default: all.")
@click.option("--fold", type=int, metavar="F", help="One fold. Default: all.")
@click.option(
    "--opset",
    type=click.IntRange(LOWEST, HIGHEST),
    metavar="N",
    help=f"Version of ONNX's operators. Default: {OPSET}.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write to. Default: RUN/export.")
@as_json
def export(
    run: str,
    format_: str,
    member: str | None,
    seed: int | None,
    fold: int | None,
    opset: int | None,
    out: Path | None,
    json_: bool,
) -> None:
    """Write a run's fitted members as files that run without ctk, each with a JSON sheet beside it.

    A graph takes the samples' own features and gives predictions in their units: means and scales are inside. Before a
    file is kept, it is loaded by its own library and its predictions of real samples are compared with the model's.

    \b
    ctk export RUN --format onnx                                     every member, seed and fold
    ctk export RUN --format onnx --member residual-mlp --seed 1 --opset 21
    ctk export RUN --format torchscript --out DIR
    ctk export RUN --format safetensors --json
    """
    from ctk.errors import UsageError
    from ctk.runs import Run, runs_root

    if opset is not None and format_ != "onnx":
        raise UsageError(f"--opset is of ONNX's operators; {format_} has none.", "Leave it out, or use --format onnx.")
    found = Run.find(run, runs_root())
    from ctk_export.export import Wanted
    from ctk_export.export import export as carry_out

    wanted = Wanted(format_, opset or OPSET, member, seed, fold)
    progress = ProgressBars(quiet=json_)
    folder = out or found.folder / "export"
    sheets = []
    try:
        for place, facts in carry_out(found, wanted, folder, lambda line: click.echo(line, err=True), progress):
            sheets.append({"sheet": str(place), **facts})
    finally:
        progress.stop()
    if json_:
        print_json(sheets)
        return
    rows = [
        [
            f"{facts['member']}/seed-{facts['seed']}",
            str(facts["fold"]),
            facts["files"][0]["name"],
            f"{sum(file['bytes'] for file in facts['files']) / 1e6:,.1f} MB",
            f"{facts['checked']['largest_difference']:.1e}",
        ]
        for facts in sheets
    ]
    print_table(["member", "fold", "file", "size", "difference"], rows, numbers=2)
    checked = sheets[0]["checked"]
    console.print(
        f"\n{folder}: checked on {checked['samples']} samples; largest differences to the models' own predictions in"
        f" standard deviations of a column, {checked['tolerance']:.0e} allowed.",
        soft_wrap=True,
    )
