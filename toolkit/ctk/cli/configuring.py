"""The options that say what a run is to be, its data, preset, config file, single keys and seeds; and --resume."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ctk.cli import completion
from ctk.cli.common import data_dir

if TYPE_CHECKING:
    from ctk.contract import Competition
    from ctk.workflow.plan_run import RunPlan

WITH_RESUME = ("competition", "resume", "executor", "workers", "address", "json_")
"""The parameters that may stand beside --resume."""


def config_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--data``, ``--preset`` and ``--config``, as ``how`` for ``ctk.api.configured``, and ``-o`` as overrides."""

    @functools.wraps(command)
    def with_how(*args: Any, data_dir: Path | None, preset: str | None, file: Path | None, **more: Any) -> Any:
        return command(*args, how={"data": data_dir, "preset": preset, "config": file}, **more)

    for option in (
        click.option(
            "-o",
            "overrides",
            multiple=True,
            metavar="KEY=VALUE",
            shell_complete=completion.run_options,
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


def numbers(seeds: str | None) -> list[int] | None:
    """Seeds as they are written, 1,2,3. Raises UsageError."""
    from ctk.errors import UsageError

    try:
        return None if seeds is None else [int(seed) for seed in seeds.split(",")]
    except ValueError:
        raise UsageError(f"--seeds {seeds}: whole numbers separated by commas, such as 1,2,3.") from None


def refuse_others() -> None:
    """Raise UsageError where the command line has options that --resume does not take."""
    from ctk.errors import UsageError

    context = click.get_current_context()
    for option in context.command.params:
        source = context.get_parameter_source(str(option.name))
        if option.name not in WITH_RESUME and source is click.core.ParameterSource.COMMANDLINE:
            raise UsageError(
                f"--resume goes on with what was configured, without {option.opts[0]}.",
                "It takes no options but --executor's.",
            )


def resumed(known: Competition, name: str, execution: tuple[str, ...]) -> RunPlan:
    """The run that --resume names, ready to go on. Raises UsageError where it is another competition's."""
    from ctk.api import runs_root
    from ctk.errors import UsageError
    from ctk.plugins.guard import is_named
    from ctk.runs import Run

    refuse_others()
    found = Run.find(name, runs_root())
    if not is_named(known, found.competition):
        raise UsageError(f"{found.folder} is a run of {found.competition}, not of {known.named}.")
    from ctk.workflow.plan_run import reopen_run

    return reopen_run(found, known.named, execution)
