"""Kinds of columns, from names and cells."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ctk.samples import Array
from ctk_tables.describing.pictures import find_pictures, names_pictures
from ctk_tables.description import Column, Kind
from ctk_tables.reading.cells import NO_NUMBERS, NO_WORDS, TRUTHS, as_text, is_text, numbers, texts, times

if TYPE_CHECKING:
    import pyarrow as pa

WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
CODES = ("cat", "category", "code", "type", "class", "zip", "zipcode", "postcode", "nbr", "id")
"""Words of names whose whole numbers are no amounts."""
COUNTERS = ("id", "index", "idx", "row", "rownum", "rownames", "rownumber", "rowid", "unnamed", "uid", "uuid")
"""Words that a name of a column begins or ends with that numbers rows."""
DAYS = ("date", "day", "dt", "ymd")
SENTINELS = (-99.0, -999.0, -9999.0, -99999.0)
"""Numbers that stand for none where all others are from zero on."""
FEW = 1000
"""Categories at most of a column of whole numbers."""
WORDS, LONG = 3.5, 60
"""Words, or characters, of a cell from which on it is free text."""
OWN = 0.95
"""Where so many of a column's cells are there once, they tell nothing of other rows."""
LOOKED = 20_000
"""Distinct texts whose length, words or dates are looked at."""
TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
DATES = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%m/%d/%Y", "%d/%m/%Y", "%m-%d-%Y", "%d-%m-%Y", "%d.%m.%Y", "%m/%d/%y"),
    *("%d/%m/%y", "%d.%m.%y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%B %d, %Y", "%d %B %Y", "%b %d %Y"),
)
MOMENTS = ("%Y-%m", "%Y/%m", "%a %b %d %H:%M:%S %Y", "%a, %d %b %Y %H:%M:%S", "%Y%m%dT%H%M%S")
ISO = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([T ][0-9:.,]+ ?(Z|UTC|[+-][0-9:]+)?)?")
DATELIKE = re.compile(r"(?=.*[0-9])[A-Za-z0-9,.:/ +-]{6,40}")


class FoundKind(NamedTuple):
    """How a column is to be read, and whether nothing else is likely."""

    column: Column
    sure: bool


def find_kind(
    name: str, train: pa.Array, test: pa.Array, decimals: tuple[str, str], folder: Path, missing: Collection[str] = ()
) -> FoundKind:
    """Find the kind of a column from its cells in train and test."""
    if is_text(train) and is_text(test) and decimals[0] == decimals[1]:
        return _of_text(name, train, test, decimals[0], folder, missing)
    if is_text(train) or is_text(test) or str(train.type) != str(test.type):
        one, other = as_text(train), as_text(test)
        return _of_text(name, one, other, ".", folder, missing)
    return _of_typed(name, _joined(train, test))


def as_kind(
    name: str, kind: Kind, train: pa.Array, test: pa.Array, decimal: str, folder: Path, missing: Collection[str] = ()
) -> Column:
    """Describe a column whose kind was said: what is missing in it, how its dates are written, where pictures lie."""
    why = "as was said"
    both = _joined_text(train, test)
    here = _present(both, missing)
    if kind in ("number", "boolean"):
        return Column(kind=kind, missing=(*here, *_present(both, NO_NUMBERS)), why=why)
    if kind == "category":
        return Column(kind=kind, missing=(*here, *_present(both, NO_WORDS)), why=why)
    if kind == "date" and not is_text(train):
        digits = str(train.type).startswith(("int", "uint"))
        return Column(kind=kind, format="%Y%m%d" if digits else "", hours=not digits, missing=here, why=why)
    if kind == "date":
        found = find_dates(both, missing)
        known = found.column if found else Column(kind=kind, format="mixed", hours=True, missing=here)
        return known.model_copy(update={"why": why})
    if kind == "picture":
        paths = find_pictures(folder, train, test) or find_pictures(folder, train, test, bare=True)
        return Column(kind=kind, paths=paths or (), missing=here, why=why)
    return Column(kind=kind, missing=here, why=why)


def words_of(name: str) -> list[str]:
    """Words of a name in small letters."""
    return [word.lower() for word in WORD.findall(name)]


def find_dates(cells: pa.Array, missing: Collection[str]) -> FoundKind | None:
    """Find how texts are dates; None where some are none."""
    import pyarrow as pa

    distinct = [text for text in texts(cells, missing).drop_null().unique().to_pylist() if text not in NO_NUMBERS]
    none = _present(cells, NO_NUMBERS)
    some = distinct[:200]
    if not some or not all(DATELIKE.fullmatch(text) for text in some[:20]):
        return None
    fits = ["ISO8601"] if all(ISO.fullmatch(text) for text in some) else []
    formats = (*(date + time for date in DATES for time in TIMES), *MOMENTS)
    fits += [format for format in formats if all(_fits(text, format) for text in some)]

    array = pa.array(distinct, pa.string())
    for format in fits:
        moments, wrong = times(array, format)
        zeros = tuple(text for text, bad in zip(distinct, wrong, strict=True) if bad)
        if len(zeros) > 1 or (zeros and not re.fullmatch("[0:/. -]+", zeros[0])):
            continue
        clock = moments.dropna()
        hours = bool((clock != clock.dt.normalize()).any())
        why = f"{distinct[0]} and the others are dates, {'ISO' if format == 'ISO8601' else format}"
        others = fits[fits.index(format) + 1 :] if format != "ISO8601" else []
        other = next((each for each in others if not times(array, each)[1].any()), None)
        if other:
            why += f"; {other} would fit too"
        return FoundKind(
            Column(kind="date", format=format, hours=hours, missing=(*none, *missing, *zeros), why=why), not other
        )
    return None


def _of_text(
    name: str, train: pa.Array, test: pa.Array, decimal: str, folder: Path, missing: Collection[str]
) -> FoundKind:
    """Find the kind of a column of text."""
    cells = _joined(train, test)
    here = _present(cells, missing) if missing else ()
    there = cells if not here and _all_numbers(cells) else texts(cells, here).drop_null()
    if not len(there):
        return FoundKind(Column(kind="left-out", why="all cells are empty"), True)
    found = _of_numbers(name, cells, there, decimal, here)
    if found is None:
        found = _of_words(train, test, folder, here)
    return found


def _of_numbers(
    name: str, cells: pa.Array, there: pa.Array, decimal: str, missing: tuple[str, ...]
) -> FoundKind | None:
    """Find what kind a column of numbers is; None where cells are text that no mark of a missing value is."""
    import pyarrow as pa

    values, none = numbers(there, decimal)
    odd: list[str] = []
    if none.any():
        if none.mean() > 0.9 and len(there) > 200 and none[:200].all():
            return None
        odd = there.filter(pa.array(none)).unique().to_pylist()
        strange = [text for text in odd if text not in NO_NUMBERS and not _infinite(text)]
        fine = values[~none]
        if not len(fine) or len(odd) > len(NO_NUMBERS):
            return None
        if strange and (
            len(strange) > 1 or len(odd) > 2 or none.mean() > 0.5 or len(np.unique(fine)) < 10 or none.sum() < 2
        ):
            return None
        if strange and re.search("[0-9]", strange[0]):
            return None
        values, there = fine, there.filter(pa.array(~none))
        sure = not strange
    else:
        sure = True
    marks = (*missing, *odd)
    told = f"; {', '.join(map(repr, odd[:4]))} stand{'s' if len(odd) == 1 else ''} for no number" if odd else ""
    unique = np.unique(values)
    whole = bool((values == np.round(values)).all())
    if len(unique) == 2 and tuple(unique) == (0.0, 1.0) and set(there.unique().to_pylist()) <= {"0", "1", "0.0", "1.0"}:
        return FoundKind(Column(kind="boolean", missing=marks, why=f"all are 0 or 1{told}"), sure)
    words = words_of(name)
    if whole and _written(there, r"^[-+]?0[0-9]+$"):
        return FoundKind(
            Column(kind="category", missing=marks, why=f"numbers begin with zeros, as codes do{told}"), sure
        )
    days = whole and len(unique) > 1 and {*words} & {*DAYS} and unique[0] >= 19000101 and unique[-1] <= 21001231
    if days and not times(there, "%Y%m%d")[1].any():
        return FoundKind(Column(kind="date", format="%Y%m%d", missing=marks, why="all are YYYYMMDD"), True)
    counter = bool(words) and (words[-1] in COUNTERS or words[0] in COUNTERS or words == ["column", "1"])
    if not odd and _counts_rows(values, unique, counter):
        return FoundKind(Column(kind="left-out", missing=marks, why="it counts the rows"), counter)
    if whole and words and words[-1] in CODES and 2 < len(unique) <= min(FEW, len(values) / 2):
        why = f"{len(unique)} whole numbers of a '{words[-1]}'{told}"
        return FoundKind(Column(kind="category", missing=marks, why=why), sure)
    lowest = unique[0]
    if lowest in SENTINELS and len(unique) > 2 and unique[1] >= 0 and (values == lowest).sum() > 1:
        written = tuple(text for text in there.filter(pa.array(values == lowest)).unique().to_pylist())
        why = f"all are numbers; {lowest:g}, below all others, stands for none"
        return FoundKind(Column(kind="number", missing=(*marks, *written), why=why), False)
    kinds = "whole numbers" if whole else "numbers"
    return FoundKind(Column(kind="number", missing=marks, why=f"all are {kinds}{told}"), sure)


def _of_words(train: pa.Array, test: pa.Array, folder: Path, missing: tuple[str, ...]) -> FoundKind:
    cells = _joined(train, test)
    marks = tuple(dict.fromkeys((*missing, *_present(cells, NO_WORDS))))
    left = texts(cells, marks).drop_null()
    if not len(left):
        return FoundKind(Column(kind="left-out", missing=marks, why="all cells are empty"), True)
    counted = left.value_counts()
    distinct: list[str] = counted.field(0).to_pylist()
    small = {text.lower() for text in distinct[:5]}
    if len(distinct) <= 4 and any(small == {yes, no} for yes, no in TRUTHS.items()):
        return FoundKind(Column(kind="boolean", missing=marks, why=f"all are {' or '.join(sorted(distinct))}"), True)
    dates = find_dates(cells, missing)
    if dates is not None:
        return dates
    if names_pictures(distinct[:LOOKED]):
        return _of_pictures(train, test, folder, marks)
    once = float((np.asarray(counted.field(1)) == 1).sum()) / len(left)
    many = len(distinct) > max(20, len(left) / 2)
    some = distinct[:LOOKED]
    words = float(np.mean([len(text.split()) for text in some]))
    length = float(np.mean([len(text) for text in some]))
    none = f"; {', '.join(map(repr, marks[:4]))}: missing" if marks else ""
    if many and (words >= WORDS or length >= LONG):
        why = f"{words:.0f} words a cell, most of them of their own"
        return FoundKind(Column(kind="text", why=why), True)
    if once > OWN and (paths := find_pictures(folder, train, test, bare=True)):
        return FoundKind(Column(kind="picture", missing=marks, paths=paths, why=_seen(paths, some[0])), True)
    if once > OWN and len(left) >= 30:
        if words >= 1.9:
            return FoundKind(Column(kind="text", why="words, of their own in nearly every row"), False)
        why = "a text of its own in nearly every row"
        return FoundKind(Column(kind="left-out", missing=marks, why=why), False)
    return FoundKind(Column(kind="category", missing=marks, why=f"{len(distinct):,} different texts{none}"), True)


def _of_pictures(train: pa.Array, test: pa.Array, folder: Path, marks: tuple[str, ...]) -> FoundKind:
    paths = find_pictures(folder, train, test)
    first = next(text for text in texts(_joined(train, test), marks).to_pylist() if text)
    if paths is None:
        why = f"names of pictures, but {first} is not below {folder}"
        return FoundKind(Column(kind="left-out", missing=marks, why=why), False)
    return FoundKind(Column(kind="picture", missing=marks, paths=paths, why=_seen(paths, first)), True)


def _seen(paths: Sequence[str], cell: str) -> str:
    return f"{paths[0].replace('{}', cell)} is a picture"


def _of_typed(name: str, cells: pa.Array) -> FoundKind:
    """Find the kind of a Parquet file's column of numbers, truth values or times."""
    from pyarrow import types

    there = cells.drop_null()
    if not len(there):
        return FoundKind(Column(kind="left-out", why="all cells are empty"), True)
    if types.is_boolean(cells.type):
        return FoundKind(Column(kind="boolean", why="its type says so"), True)
    if types.is_timestamp(cells.type) or types.is_date(cells.type):
        clock = times(there, "")[0]
        hours = bool((clock != clock.dt.normalize()).any())
        return FoundKind(Column(kind="date", hours=hours, why="its type says so"), True)
    if numbers(there)[1].all():
        return FoundKind(Column(kind="left-out", why="no cell is a number"), True)
    found = _of_numbers(name, cells, texts(there), ".", ())
    return found or FoundKind(Column(kind="number", why="its type says so"), True)


def _counts_rows(values: Array, unique: Array, called: bool) -> bool:
    """Whether numbers rise by one from 0 or 1 on, or are all different in a column that is called an id or index."""
    if len(values) < 10 or len(unique) < len(values) / 2:
        return False
    steps = int((np.diff(values) != 1).sum())  # one of them where the test begins
    return (steps <= 1 and values[0] in (0, 1)) or (called and len(unique) == len(values))


def _present(cells: pa.Array, marks: Collection[str]) -> tuple[str, ...]:
    """Those of the marks that a column has."""
    import pyarrow as pa
    from pyarrow import compute

    if not is_text(cells):
        return ()
    trimmed = compute.utf8_trim_whitespace(cells)
    found = trimmed.filter(compute.is_in(trimmed, value_set=pa.array([*marks], trimmed.type))).unique().to_pylist()
    return tuple(mark for mark in marks if mark in found)


def _joined(one: pa.Array, other: pa.Array) -> pa.Array:
    import pyarrow as pa

    return pa.concat_arrays([one, other])


def _joined_text(one: pa.Array, other: pa.Array) -> pa.Array:
    return _joined(as_text(one), as_text(other))


def _written(cells: pa.Array, pattern: str) -> bool:
    from pyarrow import compute

    return bool(compute.any(compute.match_substring_regex(cells, pattern)).as_py())


def _all_numbers(cells: pa.Array) -> bool:
    """Whether each cell is a number without blanks around it, so that nothing has to be put right."""
    import pyarrow as pa
    from pyarrow import compute

    try:
        return len(compute.cast(cells, pa.float64())) > 0
    except pa.ArrowInvalid:
        return False


def _infinite(text: str) -> bool:
    return text.lower().lstrip("+-") in ("inf", "infinity")


def _fits(text: str, format: str) -> bool:
    from datetime import datetime

    try:
        datetime.strptime(text, format)
    except ValueError:
        return False
    return True
