"""Command-line options from a schema: each field of a pydantic model becomes ``--field``."""

from __future__ import annotations

from typing import Any

import click
from pydantic import BaseModel
from rich.text import Text

from ctk.cli.choice import OneOf
from ctk.cli.printing import console
from ctk.cli.progress import ProgressBars
from ctk.contract.schema import validate_config
from ctk.plugins.component_options import named_values


def schema_options(schema: type[BaseModel]) -> list[click.Parameter]:
    """Make an option of each field; of a tuple, or a mapping KEY=VALUE, it may be given several times."""
    options: list[click.Parameter] = []
    for field, facts in schema.model_fields.items():
        flag, several = facts.annotation is bool, isinstance(facts.default, (tuple, dict))
        choices = [each for each in named_values(facts.annotation) if each != "null"]
        shown: dict[str, Any] = {"default": facts.default, "show_default": not flag}
        if facts.is_required():
            shown = {"required": True}
        elif several:
            shown = {"multiple": True, "metavar": "NAME=VALUE" if isinstance(facts.default, dict) else None}
        kind = OneOf(choices) if choices and not flag and not several else None
        name = f"--{field.replace('_', '-')}"
        options.append(click.Option([name], is_flag=flag, type=kind, help=facts.description, **shown))
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
