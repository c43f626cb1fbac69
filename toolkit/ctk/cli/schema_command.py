"""Command-line options from a schema: each field of a pydantic model becomes ``--field``."""

from __future__ import annotations

from typing import Any

import click
from pydantic import BaseModel
from rich.text import Text

from ctk.cli.printing import console
from ctk.cli.progress import ProgressBars
from ctk.contract.schema import validate_config


def schema_options(schema: type[BaseModel]) -> list[click.Parameter]:
    """Make an option of each field; one whose default is a tuple may be given several times."""
    options: list[click.Parameter] = []
    for field, facts in schema.model_fields.items():
        flag, several = facts.annotation is bool, isinstance(facts.default, tuple)
        shown = {"required": True} if facts.is_required() else {"default": facts.default, "show_default": not flag}
        options.append(
            click.Option(
                [f"--{field.replace('_', '-')}"],
                is_flag=flag,
                multiple=several,
                help=facts.description,
                metavar=(facts.json_schema_extra or {}).get("metavar") if isinstance(facts.json_schema_extra, dict) else None,
                **shown,
            )
        )
    return options


def command_from_schema(schema: type[BaseModel], name: str) -> click.Command:
    """Make a command whose options are the schema's fields and which calls its ``run(progress)``.

    Lines that it returns are printed; they may have ANSI colours.
    """
    def run(**values: Any) -> None:
        given = {key: value for key, value in values.items() if value is not None}
        progress = ProgressBars()
        try:
            lines = validate_config(schema, given, "").run(progress)  # type: ignore[attr-defined]
        finally:
            progress.stop()
        for line in lines or ():
            console.print(Text.from_ansi(line), soft_wrap=True)

    return click.Command(name, params=schema_options(schema), callback=run, help=(schema.__doc__ or "").strip())
