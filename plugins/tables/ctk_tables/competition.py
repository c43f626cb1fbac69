"""The competition of a table, as far as it is general: a package's own subclass says what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ctk.contract import Competition, Progress, Submission, presets_in, spaces_in
from ctk.contract.schema import validate_config
from ctk.files import parse_yaml
from ctk.samples import Array, Samples
from ctk_tables.description import TableDescription

if TYPE_CHECKING:
    from ctk.contract import Results, Section

DESCRIBED = "table.yaml"
"""In a package, its description."""
SAMPLE = "sample"
"""In a package, a folder with a few rows of the data."""


def description_in(package: str) -> TableDescription:
    """Read the description that lies in a package. Raises UsageError naming the key that is wrong."""
    text = (files(package) / DESCRIBED).read_text(encoding="utf-8")
    return validate_config(TableDescription, parse_yaml(text), DESCRIBED)
