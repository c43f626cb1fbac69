"""What may be said of a table instead of being found: each is an option of ``ctk new competition``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from ctk.contract import Strict
from ctk_tables.description import Kind, Submits, Task

NONE = "none"
"""Says that there is no such column."""


def _names(value: Any) -> Any:
    """Take one name as several."""
    return (value,) if isinstance(value, str) else value


def _pairs(value: Any) -> Any:
    """Take texts NAME=KIND as a mapping; the last ``=`` divides."""
    if value is None or isinstance(value, Mapping):
        return value or {}
    pairs = [each.rpartition("=") for each in _names(value)]
    return {name: kind for name, _, kind in pairs}


class TableChoices(Strict):
    """What may be said of a table."""

    train: str | None = Field(None, description="file of the training table")
    test: str | None = Field(None, description="file of the test table")
    sample: str | None = Field(None, description="file of the sample submission")
    target: Annotated[tuple[str, ...], BeforeValidator(_names)] = Field(
        (), description="column to be predicted; more than once for several"
    )
    id: str | None = Field(None, description="column that names a row; 'none' for no such column")
    task: Task | None = Field(None, description="regression, binary, classes or ordinal")
    classes: Annotated[tuple[str, ...], BeforeValidator(_names)] = Field(
        (), description="a label; once for each, of binary first the 0, of ordinal in their order"
    )
    submits: Submits | None = Field(None, description="what is submitted: numbers, labels or probabilities")
    metric: str | None = Field(None, description="name of a metric")
    group: str | None = Field(None, description="column whose rows stay on one side of a split; 'none' for none")
    time: str | None = Field(None, description="column of times that the test lies after; 'none' for none")
    column: Annotated[dict[str, Kind], BeforeValidator(_pairs)] = Field(
        {}, description="kind of a column, NAME=KIND: number, boolean, category, date, text, picture or left-out"
    )
    missing: Annotated[tuple[str, ...], BeforeValidator(_names)] = Field(
        (), description="text that stands for a missing value in any column, besides those that are found"
    )
    encoding: str | None = Field(None, description="how files of text are encoded: utf-8, latin-1, cp1252, utf-16")
    separator: str | None = Field(None, description="what is between cells, 'tab' for a tabulator")
    decimal: str | None = Field(None, pattern="^[.,]$", description="the decimal mark, . or ,")
