"""ctk new competition --data: a scaffold looks at files, what it found is shown and asked about, a package is made."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from ctk.cli.choice import OneOf
from ctk.cli.printing import console
from ctk.cli.schema_command import schema_options
from ctk.contract import Inspection, Observation, Question, Scaffold
from ctk.contract.schema import validate_config
from ctk.errors import CtkError, UsageError
from ctk.new.kinds import COMPETITION, drafted
from ctk.new.names import Names, names_of
from ctk.new.render import check_place, write_package
from ctk.plugins import plugins
from ctk.plugins.guard import Guard
from ctk.plugins.packages import install_command, run_installer

SCAFFOLD = "ctk.scaffold"
"""In a command's ``meta``, the scaffold whose options it has."""


class FromFiles(click.Command):
    """A command that has a scaffold's options too, where ``--data`` is given or help is asked for."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Find the scaffold before the options are read."""
        data = any(word.partition("=")[0] == "--data" for word in args)
        offered = plugins().all("scaffolds") if data or "--help" in args else {}
        if data or offered:
            ctx.meta[SCAFFOLD] = _scaffold(_value_of("--scaffold", args), list(offered))
        return super().parse_args(ctx, args)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own options, then the scaffold's, then --help."""
        *own, last = super().get_params(ctx)
        scaffold = ctx.meta.get(SCAFFOLD)
        return [*own, *(schema_options(scaffold.options) if scaffold else []), last]


def make_from_files(name: str, folder: Path, out: Path | None, install: bool, given: Mapping[str, Any]) -> None:
    """Make a competition's package of the files in a folder, and install it. Raises CtkError."""
    scaffold: Scaffold = click.get_current_context().meta[SCAFFOLD]
    names = names_of(name, COMPETITION)
    place = out or Path(names.distribution)
    check_place(place)
    inspection, options = _settled(
        scaffold, folder, {key: each for key, each in given.items() if each not in (None, ())}
    )
    with console.status("writing the package"):
        draft = scaffold.draft(names.name, names.package, folder, options, inspection)
        files = write_package(drafted(draft), names, place, draft.files)
    console.print(f"\n{place}: {len(files)} files; README.md says what is where", soft_wrap=True)
    if install:
        _install(names, place)
    _print_next(names, place, install)


def _scaffold(name: str, offered: Sequence[str]) -> Scaffold:
    if not offered:
        raise UsageError(
            "--data wants a plugin that makes a competition of files, and none is installed.",
            "For tables in CSV or Parquet there is one beside the toolkit, in plugins/tables: ctk install -e DIR.",
        )
    if not name and len(offered) > 1:
        raise UsageError("Several plugins make a competition of files.", f"Say --scaffold {' or '.join(offered)}.")
    guard = Guard("scaffolds", name or offered[0])
    scaffold: Scaffold = guard.wrap(guard.make())
    return scaffold


def _value_of(option: str, args: Sequence[str]) -> str:
    for place, word in enumerate(args):
        if word == option:
            return args[place + 1] if place + 1 < len(args) else ""
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
    return ""


# What was found, and what is asked -----------------------------------------------------------------------------------


def _settled(scaffold: Scaffold, folder: Path, given: dict[str, Any]) -> tuple[Inspection, Any]:
    """Look at the files, show what was found, and in a terminal ask until nothing is left to be asked."""
    asked: set[tuple[str, str]] = set()
    shown: Inspection | None = None
    while True:
        options = validate_config(scaffold.options, given, "")
        with console.status(f"looking at {folder}"):
            inspection = scaffold.inspect(folder, options)
        print_inspection(inspection, shown)
        shown = inspection
        if not is_asked():
            return inspection, options
        changed = False
        for question in inspection.questions:
            if (question.option, question.prefix) in asked or changed:
                continue
            asked.add((question.option, question.prefix))
            answer = _ask(question)
            if answer != question.default:
                given = _with_answer(given, question, answer, scaffold)
                changed = True
        if not changed:
            return inspection, options


def is_asked() -> bool:
    """Whether somebody sits before a terminal and can be asked."""
    return bool(sys.stdin and sys.stdin.isatty() and sys.stdout and sys.stdout.isatty())


def _ask(question: Question) -> str:
    kind: Any = OneOf(list(question.choices)) if question.choices else str
    return str(click.prompt(click.style(f"? {question.text}", "yellow"), default=question.default, type=kind))


def _with_answer(given: dict[str, Any], question: Question, answer: str, scaffold: Scaffold) -> dict[str, Any]:
    several = isinstance(scaffold.options.model_fields[question.option].default, (tuple, dict))
    value: Any = question.prefix + answer
    if several:
        value = (*given.get(question.option, ()), value) if question.prefix else tuple(answer.split(","))
    return {**given, question.option: value}


def print_inspection(inspection: Inspection, before: Inspection | None = None) -> None:
    """Print what was found as a table, or of it what is not as before, and the warnings."""
    known = set() if before is None else set(before.observations)
    rows = [row for row in inspection.observations if row not in known]
    if before is None:
        console.print(Text(inspection.about, "bold"), soft_wrap=True)
    if rows:
        console.print()
        console.print(observations_table(rows))
    unsure = [row for row in rows if not row.sure]
    if unsure and before is None:
        count = f"{len(unsure)} lines" if len(unsure) > 1 else "1 line"
        console.print(Text(f"\n? {count} could be otherwise; the last column says how to say so", "yellow"))
    told = set() if before is None else set(before.warnings)
    for sentence in inspection.warnings:
        if sentence not in told:
            console.print(Text.assemble(("! ", "bold red"), sentence), soft_wrap=True)


def observations_table(rows: Sequence[Observation]) -> Table:
    """The rows as a table: certain or not, what, the value, why, and how to say otherwise."""
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("")
    table.add_column("what", no_wrap=True)
    table.add_column("found", overflow="fold", max_width=40)
    table.add_column("why", overflow="fold", style="dim", ratio=1)
    table.add_column("to say otherwise", overflow="fold")
    for row in rows:
        mark = Text("✓", "green") if row.sure else Text("?", "bold yellow")
        found = Text(row.value, "" if row.sure else "yellow")
        table.add_row(mark, row.what, found, Text(row.why), Text(row.option, "cyan"))
    return table


# The package, installed ----------------------------------------------------------------------------------------------


def _install(names: Names, folder: Path) -> None:
    """Install the package as it lies there, from what this environment has: nothing is fetched."""
    try:
        with console.status("installing it"):
            run_installer(install_command([], [folder], upgrade=False, offline=True))
    except CtkError as error:
        told = CtkError(f"{folder} is written, and could not be installed. {error.problem}", f"ctk install -e {folder}")
        told.exit_code = error.exit_code
        raise told from error
    console.print(f"installed {names.distribution}; changes of its files count at once", soft_wrap=True)


def _print_next(names: Names, folder: Path, installed: bool) -> None:
    steps = [] if installed else [(f"ctk install -e {folder}", "changes count at once")]
    steps += [
        (f"ctk run {names.name}", "train, blend, submit, report"),
        (f"pytest {folder}", "its own tests"),
    ]
    width = max(len(step) for step, _ in steps)
    console.print("\nNext:")
    for step, what in steps:
        console.print(f"  {step:<{width}}  {what}", soft_wrap=True)
