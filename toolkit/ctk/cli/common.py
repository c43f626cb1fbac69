"""What several verbs share: printing, and the options that look the same everywhere."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ctk.cli import clean, completion
from ctk.errors import UsageError
from ctk.files import finite

console = Console(
    width=None if (sys.stdout and sys.stdout.isatty()) or "COLUMNS" in os.environ else 160,
    markup=False,
    highlight=False,
)
"""Prints text as it is, for paths, config values and sentences of plugins may have brackets; what has a style is a
``Text``. Where output is no terminal nothing tells its width; 160 keeps tables whole in files."""

as_json = click.option(
    "--json", "json_", is_flag=True, is_eager=True, callback=clean.keep_clean, help="Print JSON, for programs."
)
data_dir = click.option(
    "--data",
    "data_dir",
    type=click.Path(path_type=Path),
    help="Folder of the competition's data; default: the embedded data.",
)
data_options = click.option(
    "-o",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    shell_complete=completion.data_options,
    help="An option of the data, e.g. -o data.old=true.",
)


def executor_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--executor``, ``--workers`` and ``--address``; the command gets them as ``execution``, overrides of its config.

    They go before those of ``-o``, which may then set further keys of the executor.
    """

    @functools.wraps(command)
    def with_execution(*args: Any, executor: str | None, workers: int | None, address: str | None, **more: Any) -> Any:
        if executor is not None and not executor.strip():
            raise UsageError("--executor: the name is empty.", "For example --executor local.")
        if executor == "serial" and workers not in (None, 1):
            raise UsageError(f"--workers {workers}: serial takes one task after another.", "Take --executor local.")
        if executor is not None and address is not None:
            from ctk.workflow.pools import check_address

            check_address(executor, address)
        given = {"executor": executor, "executor.workers": workers, "executor.address": address and json.dumps(address)}
        execution = tuple(f"{key}={value}" for key, value in given.items() if value is not None)
        return command(*args, execution=execution, **more)

    for option in (
        click.option("--address", help="Where a cluster is, for executors that take one."),
        click.option("--workers", type=click.IntRange(min=1), help="How many tasks run side by side."),
        click.option(
            "--executor",
            metavar="NAME",
            shell_complete=completion.executors,
            help="Where tasks run: local, serial or a plugin's. Default: the config's.",
        ),
    ):
        with_execution = option(with_execution)
    return with_execution


def print_json(value: Any) -> None:
    """Print a value as JSON, and nothing else before it; a number that is not finite becomes null."""
    clean.give_back()
    click.echo(json.dumps(finite(value), indent=2, ensure_ascii=False, default=str))


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], numbers: int = 0) -> None:
    """Print a table of texts; the last ``numbers`` columns are right-aligned."""
    shown = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for place, column in enumerate(columns):
        shown.add_column(column, justify="right" if place >= len(columns) - numbers else "left", overflow="fold")
    for row in rows:
        shown.add_row(*("" if cell is None else cell if isinstance(cell, str | Text) else str(cell) for cell in row))
    console.print(shown)


def number(value: float | None, digits: int = 4) -> str:
    """A score as text; nothing for what is not known."""
    return "" if value is None else f"{value:.{digits}f}"
