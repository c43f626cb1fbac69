"""The options that look the same in every command, the core's and plugins'."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ctk.cli import completion, config_completion
from ctk.errors import UsageError
from ctk.workflow.pools import check_executor_address

data_dir = click.option(
    "--data",
    "data_dir",
    type=click.Path(path_type=Path),
    help="Folder of the competition's data; default: the embedded data.",
)
"""The option ``--data``: the command's parameter ``data_dir``, a path or None."""
data_options = click.option(
    "-o",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    shell_complete=config_completion.data_options,
    help="An option of the data, e.g. -o data.old=true.",
)
"""The option ``-o`` of a command that reads data alone: the command's parameter ``overrides``, "key=value" each."""

refresh = click.option("--refresh", is_flag=True, help="Prepare the data anew, though it was prepared before.")
"""The option ``--refresh``: the command's parameter ``refresh``."""


def config_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--data``, ``--preset`` and ``--config``, as ``how`` for ``ctk.api.configured``, and ``-o`` as overrides."""

    @functools.wraps(command)
    def with_how(*args: Any, data_dir: Path | None, preset: str | None, file: Path | None, **more: Any) -> Any:
        return command(*args, how={"data": data_dir, "preset": preset, "config": file}, **more)

    for option in (
        click.option(
            "-o",
            "overrides",
            multiple=True,
            metavar="KEY=VALUE",
            shell_complete=config_completion.run_options,
            help="Set one config key, e.g. -o members.0.epochs=5.",
        ),
        click.option("--config", "file", type=click.Path(path_type=Path), help="A YAML file laid over the preset."),
        click.option(
            "--preset",
            shell_complete=completion.presets,
            help="A named config of the competition; `ctk info COMPETITION` lists them.",
        ),
        data_dir,
    ):
        with_how = option(with_how)
    return with_how


def executor_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--executor``, ``--workers`` and ``--address``, passed on as ``execution``: overrides of the config.

    They go before those of ``-o``, which may then set further keys of the executor.
    """

    @functools.wraps(command)
    def with_execution(*args: Any, executor: str | None, workers: int | None, address: str | None, **more: Any) -> Any:
        if executor is not None and not executor.strip():
            raise UsageError("--executor: the name is empty.", "For example --executor local.")
        if executor == "serial" and workers not in (None, 1):
            raise UsageError(f"--workers {workers}: serial takes one task after another.", "Take --executor local.")
        if executor is not None and address is not None:
            check_executor_address(executor, address)
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


def parse_seeds(seeds: str | None) -> list[int] | None:
    """Parse seeds as they are written, 1,2,3. Raises UsageError."""
    if seeds is None:
        return None
    if not re.fullmatch(r"\s*\d{1,10}\s*(,\s*\d{1,10}\s*)*", seeds, re.ASCII):
        raise UsageError(f"--seeds {seeds}: whole numbers separated by commas, such as 1,2,3.")
    return [int(seed) for seed in seeds.split(",")]
