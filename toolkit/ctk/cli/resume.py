"""``--resume``: what it names, and what may stand beside it."""

from __future__ import annotations

from pathlib import Path

import click

from ctk.contract import Competition
from ctk.errors import UsageError
from ctk.plugins.guard import is_named
from ctk.runs import Run, runs_root
from ctk.workflow.plan_run import RunPlan, reopen_run

BESIDE_RESUME = ("competition", "resume", "executor", "workers", "address", "json_")
"""The parameters that may stand beside --resume."""
_ALSO = ", --data, and -o for blend, submission and time_limit"


def refuse_other_options(*beside: str) -> None:
    """Raise UsageError where the command line has options that --resume does not take, nor ``beside`` names."""
    context = click.get_current_context()
    for option in context.command.params:
        source = context.get_parameter_source(str(option.name))
        if option.name not in (*BESIDE_RESUME, *beside) and source is click.core.ParameterSource.COMMANDLINE:
            raise UsageError(
                f"--resume goes on with what was configured, without {option.opts[0]}.",
                f"It takes no options but --executor's{_ALSO if beside else ''}.",
            )


def plan_to_resume(
    known: Competition,
    name: str,
    execution: tuple[str, ...],
    overrides: tuple[str, ...] = (),
    data_dir: Path | None = None,
) -> RunPlan:
    """Plan to go on with the run that --resume names. Raises UsageError where it is another competition's.

    ``overrides`` may change what comes after its fits, and its time limit; ``data_dir`` is where its data lies here.
    """
    refuse_other_options("overrides", "data_dir")
    found = Run.find(name, runs_root())
    if not is_named(known, found.competition):
        raise UsageError(f"{found.folder} is a run of {found.competition}, not of {known.named}.")
    return reopen_run(found, known.named, execution, overrides, data_dir)
