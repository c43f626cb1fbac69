"""How rows hang together: groups that train and test do not share, times that the test lies after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctk.errors import UsageError, nearest
from ctk.samples import Array
from ctk_tables.describing.choices import NONE
from ctk_tables.describing.kinds import words_of
from ctk_tables.describing.survey import SurveyedTable
from ctk_tables.description import Column
from ctk_tables.reading.cells import numbers, texts, times

if TYPE_CHECKING:
    import pyarrow as pa

OWNERS = (
    *("id", "user", "patient", "subject", "customer", "client", "group", "session", "household", "family", "person"),
    *("site", "store", "shop", "game", "match", "driver", "device", "machine", "well", "plot", "author", "speaker"),
)
"""Words of names of what rows belong to."""
CLOCKS = (
    "time",
    "timestamp",
    "date",
    "datetime",
    "day",
    "week",
    "month",
    "year",
    "period",
    "block",
    "step",
    "hour",
    "num",
)
"""Words of names of whole numbers that are times."""
AFTER = 0.95
"""Share of the test's rows that lie after all of train's, from which on it is a forecast."""
HEAD = 5000
"""Rows whose values are compared first: nearly all columns share one of them."""


@dataclass(frozen=True)
class FoundColumn:
    """A column that rows are kept together or apart by, or none."""

    name: str | None
    why: str
    sure: bool


def find_group(
    train: SurveyedTable, test: SurveyedTable, columns: Mapping[str, Column], id: str | None, said: str | None
) -> FoundColumn:
    """Find a column that repeats in train, and has no value that both have."""
    if said is not None:
        return _said(train, test, said)
    shared = [name for name in (id, *columns) if name in train.has and name in test.has]
    found: list[tuple[bool, int, str]] = []
    for name in dict.fromkeys(shared):
        how = columns.get(str(name))
        if how is not None and how.kind in ("date", "text", "boolean"):
            continue
        if how is not None and how.kind == "number" and "whole" not in how.why:
            continue
        assert name is not None
        if not _disjoint(train.seen(name), test.seen(name)) or not _disjoint(train.all(name), test.all(name)):
            continue
        owner = bool({*words_of(name)} & {*OWNERS})
        if how is not None and how.kind == "number" and not owner and _after(train, test, name, None) >= AFTER:
            continue
        found.append((owner, -len(train.all(name).unique()), name))
    if not found:
        return FoundColumn(None, "no column repeats in train with values that the test has not", True)
    owner, count, name = max(found)
    why = f"{-count:,} values in {train.rows:,} rows of train, none of them in the test"
    return FoundColumn(name, why, owner)


def find_time(
    train: SurveyedTable, test: SurveyedTable, columns: Mapping[str, Column], said: str | None
) -> FoundColumn:
    """Find a column of dates, or of whole numbers called so, that the test lies after."""
    if said is not None:
        return _said(train, test, said)
    for name, how in columns.items():
        dates = how.kind == "date"
        if not dates and not (
            how.kind in ("number", "category") and words_of(name)[-1:] and {*words_of(name)} & {*CLOCKS}
        ):
            continue
        share = _after(train, test, name, how if dates else None)
        if share >= AFTER:
            return FoundColumn(name, f"{share:.0%} of the test's rows lie after all of train's", dates)
    return FoundColumn(None, "the test does not lie after train in any column", True)


def _said(train: SurveyedTable, test: SurveyedTable, said: str) -> FoundColumn:
    if said.lower() == NONE:
        return FoundColumn(None, "as was said", True)
    for table in (train, test):
        if said not in table.has:
            raise UsageError(f"{table.path}: has no column '{said}'.", nearest(said, table.names, "columns"))
    return FoundColumn(said, "as was said", True)


def _disjoint(train: pa.Array, test: pa.Array) -> bool:
    """Whether values repeat in train, and the test has others."""
    from pyarrow import compute

    if train.type != test.type:
        train, test = texts(train), texts(test)
    head = test[:HEAD].unique()
    if compute.any(compute.is_in(head, value_set=train[:HEAD].unique(), skip_nulls=True)).as_py():
        return False
    theirs, own = (texts(each).drop_null() for each in (train, test))
    values = theirs.unique()
    if len(values) < 3 or len(values) > 0.7 * len(theirs) or not len(own):
        return False
    return not compute.any(compute.is_in(own.unique(), value_set=values)).as_py()


def _after(train: SurveyedTable, test: SurveyedTable, name: str, dates: Column | None) -> float:
    """Share of the test's rows that lie after all of train's."""
    theirs, own = _moments(train, name, dates), _moments(test, name, dates)
    if not len(theirs) or not len(own) or len(np.unique(theirs)) < 3:
        return 0.0
    return float((own > theirs.max()).mean())


def _moments(table: SurveyedTable, name: str, dates: Column | None) -> Array:
    """Points in time, or numbers, as far as there are any."""
    if dates is not None:
        moments = times(table.all(name), dates.format, dates.missing)[0].dropna()
        return moments.to_numpy("datetime64[s]").astype(np.float64)
    values = numbers(texts(table.all(name)), table.decimal)[0]
    return values[~np.isnan(values)]
