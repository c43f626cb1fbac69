"""The submission file: ``id,embedding``, an embedding being a bracketed list of numbers in a quoted cell.

Where there is a sample submission, its two columns are called as there.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ctk.contract import Submission
from ctk.data import parse_id
from ctk.errors import CtkError, DataError, SubmissionError
from ctk.files import atomic, refuse_packed
from ctk.samples import Array

COLUMNS = ("id", "embedding")
SHOWN = 5


def write(path: Path, ids: Array, embeddings: Array, columns: Sequence[str] = COLUMNS) -> None:
    """Write (N,) ids and (N, D) float32 embeddings, each number with all its digits, atomically."""
    with atomic(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(columns)
        for id, embedding in zip(ids.tolist(), np.asarray(embeddings, np.float32), strict=True):
            rows.writerow([id, json.dumps(embedding.tolist())])


def read(
    path: Path, expected: Array | None = None, width: int | None = None, columns: Sequence[str] = COLUMNS
) -> Submission:
    """Read a submission and check it.

    expected  the ids that must be there, in whose order the result is; None takes those of the file, sorted
    width     the length each embedding must have; None takes that of the first
    columns   what the two are called
    Raises SubmissionError naming row and column of the first things wrong (rows count from 1 after the header).
    """
    problems: list[str] = []
    values: dict[int, Array] = {}
    rows_of: dict[int, int] = {}
    known = None if expected is None else set(expected.tolist())
    for row, (raw_id, raw_embedding) in enumerate(_cells(path, columns), start=1):
        if (id := parse_id(raw_id)) is None:
            problems.append(f"row {row}, column {columns[0]}: {raw_id[:40]!r} is no whole number within int64")
        else:
            if id in rows_of:
                problems.append(f"row {row}, column {columns[0]}: {id} is in row {rows_of[id]} already")
            elif known is not None and id not in known:
                problems.append(f"row {row}, column {columns[0]}: {id} is no test id")
            rows_of.setdefault(id, row)
            embedding, problem = _embedding(raw_embedding, width)
            if problem:
                problems.append(f"row {row}, column {columns[1]} (id {id}): {problem}")
            else:
                assert embedding is not None
                width = width or len(embedding)
                values.setdefault(id, embedding)
        if len(problems) >= SHOWN:
            break
    else:
        missing = sorted((known or set()) - set(rows_of))
        if missing:
            shown = ", ".join(map(str, missing[:SHOWN])) + (" ..." if len(missing) > SHOWN else "")
            problems.append(f"column {columns[0]}: {len(missing)} test ids are missing: {shown}")
        if not rows_of:
            problems.append("there are no rows")
    if problems:
        raise SubmissionError(
            f"{path}: {'; '.join(problems)}.",
            f"A submission has the columns {','.join(columns)}, "
            "one row a test id, and in each embedding a list of numbers such as [0.1, -2.5, ...].",
        )
    ids = expected if expected is not None else np.array(sorted(values), np.int64)
    return Submission(ids, np.stack([values[id] for id in ids.tolist()]))


def read_ids(path: Path) -> tuple[list[str], Array]:
    """Header and ids (N,) int64 of a sample submission, unique. Raises DataError."""
    header, *rows = _rows(path, DataError)
    ids: dict[int, int] = {}
    for row, (raw_id, _) in enumerate(rows, start=1):
        id = parse_id(raw_id)
        if id is None or id in ids:
            problem = "is no whole number within int64" if id is None else f"is in row {ids[id]} already"
            raise DataError(f"{path}, row {row}, column {header[0]}: {raw_id[:40]!r} {problem}.", "Mend the file.")
        ids[id] = row
    return header, np.array(list(ids), np.int64)


def _cells(path: Path, columns: Sequence[str]) -> Iterator[list[str]]:
    rows = _rows(path, SubmissionError)
    header = next(rows, [])
    if header != list(columns):
        raise SubmissionError(
            f"{path}: the columns are {','.join(header)[:80] or 'missing'}.", f"They must be {','.join(columns)}."
        )
    return rows


def _rows(path: Path, error: type[CtkError]) -> Iterator[list[str]]:
    """The header, and rows of two cells each."""
    refuse_packed(path, error, "CSV")
    csv.field_size_limit(sys.maxsize)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            for number, cells in enumerate(csv.reader(file)):
                if not cells:  # a blank line, as editors leave at the end
                    continue
                if number and len(cells) != len(COLUMNS):
                    raise error(f"{path}, row {number}: {len(cells)} cells where 2 belong.", "Quote the embedding.")
                yield cells
    except FileNotFoundError:
        raise error(f"{path}: there is no such file.") from None
    except (UnicodeDecodeError, csv.Error, OSError) as problem:
        raise error(f"{path}: cannot be read as CSV ({problem}).") from None


def _embedding(text: str, width: int | None) -> tuple[Array | None, str]:
    try:
        value = json.loads(text, parse_int=float)  # as floats are, a number of 400 digits is inf
        if not isinstance(value, list):
            return None, f"{text[:40]!r} is not a list"
        if any(type(each) not in (int, float) for each in value):
            kind = "flat list" if any(isinstance(each, list) for each in value) else "list"
            return None, f"{text[:40]!r} is not a {kind} of numbers"
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes inf, and is told as such below
            embedding = np.array(value, dtype=np.float64).astype(np.float32)
    except (ValueError, TypeError, RecursionError):
        return None, f"{text[:40]!r} is not a list of numbers"
    if not len(embedding):
        return None, "the list is empty"
    if width is not None and len(embedding) != width:
        return None, f"{len(embedding)} numbers where {width} belong"
    if not np.isfinite(embedding).all():
        return None, f"number {int((~np.isfinite(embedding)).argmax()) + 1} is {embedding[~np.isfinite(embedding)][0]}"
    if np.square(embedding, dtype=np.float64).sum() > np.finfo(np.float32).max:
        # Of two vectors below, the dot product is finite in float32 too (Cauchy and Schwarz): all that is scored.
        return None, "its length, squared, is beyond float32, in which it is scored"
    return embedding, ""
