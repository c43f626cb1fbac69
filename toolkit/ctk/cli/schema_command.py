"""Command-line options from a schema: each field of a pydantic model becomes ``--field``."""

from __future__ import annotations

from typing import Any

import click
from pydantic import BaseModel
from rich.text import Text

from ctk.cli.printing import console
from ctk.cli.progress import ProgressBars
from ctk.contract.schema import validate_config


def command_from_schema(schema: type[BaseModel], name: str) -> click.Command:
    """Make a command whose options are the schema's fields and which calls its ``run(progress)``.

    Lines that it returns are printed; they may have ANSI colours.
    """
    options: list[click.Parameter] = []
    for field, facts in schema.model_fields.items():
        flag = facts.annotation is bool
        options.append(
            click.Option(
                [f"--{field.replace('_', '-')}"],
                is_flag=flag,
                help=facts.description,
                **({"required": True} if facts.is_required() else {"default": facts.default, "show_default": not flag}),
            )
        )

    def run(**values: Any) -> None:
        given = {key: value for key, value in values.items() if value is not None}
        progress = ProgressBars()
        try:
            lines = validate_config(schema, given, "").run(progress)  # type: ignore[attr-defined]
        finally:
            progress.stop()
        for line in lines or ():
            console.print(Text.from_ansi(line), soft_wrap=True)

    return click.Command(name, params=options, callback=run, help=(schema.__doc__ or "").strip())
