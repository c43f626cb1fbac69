"""What is known of a competition's table: found in its files once, written into its package, read by all else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from ctk.contract import Strict

Kind = Literal["number", "boolean", "category", "date", "text", "picture", "left-out"]
"""Of a column: numbers; two values; few values; points in time; free text; paths of pictures; what is not read."""
Task = Literal["regression", "binary", "classes", "ordinal"]
"""Numbers; zero or one; one class of several; classes in an order. Several targets are of one task."""
Submits = Literal["numbers", "labels", "probabilities"]
"""What the submission's columns hold."""


class Dialect(Strict):
    """How a file of text is written; a Parquet file has none."""

    encoding: str = Field("utf-8", description="Python's name of it; utf-8-sig for one with a byte order mark")
    separator: str = Field(",", description="between cells")
    decimal: str = Field(".", description="before the fraction of a number")
    quote: str = Field('"', description="around cells with separators or line breaks in them")


class TableFile(Strict):
    """One of the files, relative to the folder of the data."""

    path: str = Field(description="relative to the folder; a member of an archive is ARCHIVE.zip/MEMBER.csv")
    dialect: Dialect | None = Field(None, description="of text; none for Parquet")


class Column(Strict):
    """A column that train and test share."""

    kind: Kind = Field(description="how it is read")
    missing: tuple[str, ...] = Field((), description="texts that stand for a missing value, besides the empty one")
    format: str = Field("", description="of dates that are text: as strptime has it, or ISO8601")
    hours: bool = Field(False, description="of dates: whether they tell a time of day")
    paths: tuple[str, ...] = Field(
        (), description="of pictures: where they lie, {} being the cell, as pictures/{}.jpg; of train, of test"
    )
    why: str = Field("", description="what in the data says so")


class TableDescription(Strict):
    """What is known of a competition's table; ``table.yaml`` of its package.

    Column order of a submission is that of ``submits_columns``; without a sample submission it is the id, then the
    targets.
    """

    train: TableFile = Field(description="rows with targets")
    test: TableFile = Field(description="rows to be predicted")
    sample: TableFile | None = Field(None, description="the sample submission, where there is one")
    id: str | None = Field(
        None,
        description="column that names a row; none: rows are counted from 0; where the test lacks it, it is the "
        "sample's, whose rows are the test's, in order",
    )
    ids_in: str | None = Field(
        None, description="column of train and test with the ids, where the submission calls it otherwise"
    )
    targets: tuple[str, ...] = Field(min_length=1, description="columns of train that are to be predicted")
    task: Task = Field(description="what the targets are")
    classes: tuple[str, ...] = Field(
        (), description="labels as they are written: of binary the 0 and the 1, of ordinal in their order"
    )
    submits: Submits = Field("numbers", description="what the submission holds")
    written: tuple[str, ...] = Field(
        (), description="labels as the submission has them, in the order of classes; none: as they are in train"
    )
    submits_columns: tuple[str, ...] = Field(
        (), description="columns of the submission in their order, the id among them; none: the id and the targets"
    )
    metric: str = Field(description="a registered metric")
    group: str | None = Field(None, description="column whose rows stay on one side of a split")
    time: str | None = Field(None, description="column of times that the test lies after")
    columns: dict[str, Column] = Field(description="of what may be learned from, in the order of train")

    def of_kind(self, kind: Kind) -> list[str]:
        """Name the columns of a kind."""
        return [name for name, column in self.columns.items() if column.kind == kind]


@dataclass(frozen=True)
class Finding:
    """One line of what was found, for people.

    key     of the description, or ``columns.NAME``
    value   in words
    why     what in the files says so
    sure    whether nothing else is likely; of others one is asked
    option  how to say otherwise: ``--target NAME``
    """

    key: str
    value: str
    why: str
    sure: bool
    option: str


@dataclass(frozen=True)
class DescribedTable:
    """A description, and how it came about."""

    description: TableDescription
    findings: tuple[Finding, ...]
    counts: Mapping[str, int]
    """Rows by "train", "test" and "sample"."""
