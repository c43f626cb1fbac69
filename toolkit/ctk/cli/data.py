"""ctk data: where a competition's data is, what of it is there, and making it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel
from rich.text import Text

from ctk.api import filter_data
from ctk.cli import completion, config_completion
from ctk.cli.json_output import as_json, print_json
from ctk.cli.options import data_dir
from ctk.cli.printing import console, print_table
from ctk.cli.progress import ProgressBars
from ctk.cli.schema_command import command_from_schema
from ctk.config.resolve import base_config, resolve
from ctk.errors import DataError, UsageError
from ctk.plugins import plugins
from ctk.plugins.guard import competition_of
from ctk.plugins.platforms import platform_of
from ctk.workflow.prepare import make_reader


@click.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("competition", required=False, shell_complete=completion.competitions)
@data_dir
@click.option(
    "--build", is_flag=True, help="Make the data from raw files; `ctk data COMPETITION --build --help` lists options."
)
@click.option(
    "--download", is_flag=True, help="Fetch what is missing from the platform that holds it, into --data (data/ID)."
)
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="NAME",
    shell_complete=completion.component("filters"),
    help="Write the data without what this filter drops.",
)
@click.option(
    "-o",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    shell_complete=config_completion.run_options,
    help="Set a config key, e.g. -o filters.ridge.drop_fraction=0.2.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write to.")
@as_json
@click.option(
    "-h",
    "--help",
    "help_",
    is_flag=True,
    help="Show this message; with --build or another verb of the competition's, its options.",
)
@click.argument("rest", nargs=-1, type=click.UNPROCESSED)
def data(
    competition: str | None,
    data_dir: Path | None,
    build: bool,
    download: bool,
    filters: tuple[str, ...],
    overrides: tuple[str, ...],
    out: Path | None,
    json_: bool,
    help_: bool,
    rest: tuple[str, ...],
) -> None:
    """Say where the data is, what was found, what is missing and how to get it; or make it.

    \b
    ctk data my-competition                                       the embedded data
    ctk data my-competition --data DIR                            your copy
    ctk data my-competition --download --data DIR                 fetched from its platform, or gone on with
    ctk data my-competition --build --images DIR --captions FILE --out DIR
    ctk data my-competition --data DIR --filter FILTER --out FILTERED
    ctk data my-competition --VERB ...                            what only this competition does; --help lists them
    """
    context = click.get_current_context()
    known = None if competition is None else competition_of(competition)
    verbs = {} if known is None else known.data_verbs()
    verb = (
        "build"
        if build
        else next((name for each in rest if (name := each[2:].partition("=")[0]) in verbs and each[:2] == "--"), None)
    )
    if known is None or (help_ and verb is None):
        click.echo(context.get_help())
        if verbs:
            click.echo("\nVerbs of this competition, each with its own --help:")
            click.echo("".join(f"  --{name:<12}{_first_line(schema)}\n" for name, schema in verbs.items()), nl=False)
        context.exit(0 if help_ else 2)
    if verb is not None:
        given = [("--data", data_dir), ("--out", out)]
        more = [word for option, value in given if value is not None for word in (option, str(value))]
        _run_verb(known, verbs, verb, [*rest, *more, *(["--help"] if help_ else [])])
        return
    if rest:
        raise click.UsageError(f"No such option or argument: {' '.join(rest)}")
    if download:
        data_dir = data_dir or Path("data") / known.id
        _download(known, data_dir, quiet=json_)
    if filters:
        if out is None:
            raise UsageError("--filter writes a new data folder: give it with --out DIR.")
        kept, of = filter_data(known.id, filters, out, data=data_dir, overrides=overrides, say=console.print)
        console.print(f"wrote {kept:,} of {of:,} samples to {out}", soft_wrap=True)
        return
    progress = ProgressBars(quiet=json_)
    try:
        folder = data_dir or known.default_data(progress)
    finally:
        progress.stop()
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder.", f"`ctk data {known.id}` shows the embedded data.")
    reader = make_reader(resolve(base_config(known, data_dir), plugins()), plugins())
    found = reader.describe(folder)
    if json_:
        print_json({"folder": folder, "items": [item._asdict() for item in found]})
        return
    console.print(f"{known.title}: {folder}{'' if data_dir else ' (the embedded data)'}", soft_wrap=True)
    rows = [
        [item.item, Text("✓", "green") if item.path else Text("missing", "red"), item.detail or item.how]
        for item in found
    ]
    print_table(["item", "", "what, or how to get it"], rows)


def _download(competition: Any, folder: Path, quiet: bool) -> None:
    """Fetch the files that are not whole yet, and print how many."""
    platform, progress = platform_of(competition), ProgressBars(quiet)
    try:
        fetched = platform.download(competition.slug, folder, progress)
    finally:
        progress.stop()
    if not quiet:
        what = f"fetched {len(fetched):,} files" if fetched else "nothing to fetch, all files are whole"
        console.print(f"{competition.platform}: {what}")


def _run_verb(competition: Any, verbs: Mapping[str, type[BaseModel]], verb: str, arguments: list[str]) -> None:
    """Parse the options of what a competition does with data, made from its schema, and run it."""
    if verb not in verbs:
        raise UsageError(f"{competition.id} has no --{verb}.")
    if verb.replace("-", "_") not in verbs[verb].model_fields:
        arguments = [word for word in arguments if word != f"--{verb}"]
    name = f"ctk data {competition.id} --{verb}"
    command_from_schema(verbs[verb], name).main(arguments, name, standalone_mode=False)


def _first_line(schema: type[BaseModel]) -> str:
    return (schema.__doc__ or "").strip().partition("\n")[0]
