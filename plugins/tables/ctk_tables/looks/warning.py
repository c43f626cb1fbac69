"""What a look warns of, and how warnings are written and shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from ctk.contract import Strict, validate_config
from ctk.errors import UsageError
from ctk.files import dump_yaml, parse_yaml


class Warning(Strict):
    """Something in a table that costs whoever does not know of it an evening."""

    name: str = Field(description="of the look that found it: target-leak, drift, duplicates, ...")
    sentence: str = Field(description="what is so, with numbers, and what to do about it")
    columns: tuple[str, ...] = Field((), description="columns of the table that it is about, the worst first")
    numbers: dict[str, float] = Field({}, description="what was measured, by name")


def dump_warnings(warnings: Sequence[Warning]) -> str:
    """Write warnings as the text of a package's ``warnings.yaml``."""
    return dump_yaml({"warnings": [each.model_dump(mode="json") for each in warnings]})


def parse_warnings(text: str, where: str = "warnings.yaml") -> list[Warning]:
    """Read what ``dump_warnings`` wrote. Raises UsageError naming the key that is wrong."""
    raw: Any = parse_yaml(text)
    if not isinstance(raw, dict) or not isinstance(raw.get("warnings"), list):
        raise UsageError(f"{where} has no list 'warnings'.", "Write it anew with ctk data NAME --look, or remove it.")
    return [validate_config(Warning, each, f"{where} {number}") for number, each in enumerate(raw["warnings"], 1)]


def warning_lines(warnings: Sequence[Warning]) -> list[str]:
    """Make lines for a terminal: one a warning, its name first; one that says so where there are none."""
    if not warnings:
        return ["No warnings: nothing in the files gives the target away or tells train and test apart."]
    return [f"{each.name}: {each.sentence}" for each in warnings]
