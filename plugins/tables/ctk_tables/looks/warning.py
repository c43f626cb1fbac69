"""What a look warns of, and how warnings are written and shown."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field, ValidationError

from ctk.contract import Strict
from ctk.errors import UsageError
from ctk.files import dump_yaml, parse_yaml


class Warning(Strict):
    """Something in a table that costs whoever does not know of it an evening."""

    name: str = Field(description="of the look that found it: target-leak, drift, duplicates, ...")
    sentence: str = Field(description="what is so, with numbers, and what to do about it")
    columns: tuple[str, ...] = Field((), description="columns of the table that it is about, the worst first")
    numbers: dict[str, float] = Field({}, description="what was measured, by name")


class _WarningsFile(Strict):
    warnings: tuple[Warning, ...] = ()


def dump_warnings(warnings: Sequence[Warning]) -> str:
    """Write warnings as the text of a package's ``warnings.yaml``."""
    return dump_yaml({"warnings": [each.model_dump(mode="json") for each in warnings]})


def parse_warnings(text: str, where: str = "warnings.yaml") -> list[Warning]:
    """Read what ``dump_warnings`` wrote. Raises UsageError naming the key that is wrong."""
    try:
        return list(_WarningsFile.model_validate(parse_yaml(text)).warnings)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        help = "Write the file anew with ctk data NAME --look, or remove it."
        raise UsageError(f"{where}{f', {key}' if key else ''}: {first['msg']}.", help) from None


def warning_lines(warnings: Sequence[Warning]) -> list[str]:
    """Make lines for a terminal: one a warning, its name first; one that says so where there are none."""
    if not warnings:
        return ["No warnings: none of the looks found anything; what columns give away together is not looked for."]
    return [f"{each.name}: {each.sentence}" for each in warnings]
