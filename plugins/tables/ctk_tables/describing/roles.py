"""Which column names a row, and which are to be predicted: from the three tables' columns and the ids in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ctk.errors import DataError, UsageError, nearest
from ctk.samples import Array
from ctk_tables.describing.choices import NONE
from ctk_tables.describing.kinds import words_of
from ctk_tables.describing.survey import SurveyedTable
from ctk_tables.reading.cells import texts, whole_number
from ctk_tables.reading.rows import places_of, read_ids, refuse_twice

TARGETS = ("target", "label", "y", "class", "outcome", "response")
"""Names of what is to be predicted."""
LABELS = 5000
"""Labels at most that columns of a submission may be of."""


@dataclass(frozen=True)
class FoundId:
    """The column that names a row of the submission.

    name     as the submission has it; None for none
    column   of train and test; None where the test has no such column
    """

    name: str | None
    column: str | None
    why: str
    sure: bool = True


@dataclass(frozen=True)
class FoundTargets:
    """The columns that are to be predicted.

    labels   where the submission has a column for each label, the labels in the order of these columns
    """

    names: tuple[str, ...]
    why: str
    sure: bool = True
    labels: tuple[str, ...] = ()


def find_id(train: SurveyedTable, test: SurveyedTable, sample: SurveyedTable | None, said: str | None) -> FoundId:
    """Find the id column. Raises DataError for ids of the sample that the test has not, UsageError for a wrong one."""
    if said is not None and said.lower() == NONE:
        return FoundId(None, None, "as was said")
    if said is not None:
        if sample is not None and said not in sample.has:
            raise UsageError(f"{sample.path}: has no column '{said}'.", nearest(said, sample.names, "columns"))
        if said not in test.has and (sample is None or sample.rows != test.rows):
            raise UsageError(f"{test.path}: has no column '{said}'.", nearest(said, test.names, "columns"))
        return _checked(FoundId(said, said if said in test.has else None, "as was said"), test, sample)
    if sample is None:
        return _id_without_sample(train, test)
    shared = [name for name in sample.names if name in test.has]
    for name in shared:
        if _covers(_ids(test, name), _ids(sample, name)):
            return FoundId(name, name, f"{sample.path.name} and {test.path.name} share it, and its values")
    first = sample.names[0]
    if shared and (shared[0] == first or sample.rows != test.rows):
        return _checked(FoundId(shared[0], shared[0], ""), test, sample)  # which raises
    ids = _ids(sample, first)
    for name in test.names:
        if len(sample.names) > 1 and name not in sample.has and _covers(_ids(test, name), ids) and len(ids) > 1:
            return FoundId(first, name, f"column {name} of {test.path.name} has the same values")
    if sample.rows != test.rows:
        raise DataError(
            f"{sample.path}: has {sample.rows:,} rows and no column of {test.path.name}, which has {test.rows:,} rows.",
            "Name the column that both have: --id COLUMN, or the right tables with --test and --sample.",
        )
    if len(sample.names) > 1 and first not in train.has and len(np.unique(ids)) == len(ids):
        why = f"{test.path.name} has no such column, and as many rows: they are taken in order"
        return FoundId(first, None, why)
    return FoundId(None, None, f"no column of {sample.path.name} names a row; rows are taken in order")


def find_targets(
    train: SurveyedTable, test: SurveyedTable, sample: SurveyedTable | None, id: FoundId, said: Sequence[str]
) -> FoundTargets:
    """Find the targets. Raises DataError where they cannot be told, or the test has them; UsageError for wrong ones."""
    rest = [name for name in sample.names if name != id.name] if sample is not None else []
    found = _said_targets(train, rest, said) if said else _find_targets(train, test, sample, id, rest)
    for name in found.names:
        if train.header.written.count(name) > 1:
            raise DataError(
                f"{train.path}: {train.header.written.count(name)} columns are called '{name}'.", "Keep one."
            )
        _refuse_known(test, name)
    return found


def _said_targets(train: SurveyedTable, rest: Sequence[str], said: Sequence[str]) -> FoundTargets:
    names = [part for each in said for part in ([each] if each in train.has else each.split(","))]
    for name in names:
        if name not in train.has:
            raise UsageError(f"{train.path}: has no column '{name}'.", nearest(name, train.names, "columns"))
    labels = _labels(train, names[0], rest) if len(names) == 1 and len(rest) > 1 else None
    if rest and not labels and len(rest) != len(names):
        raise UsageError(
            f"The sample submission has {len(rest)} columns beside its id ({', '.join(rest[:5])}), and "
            f"{len(names)} target{'s are' if len(names) > 1 else ' is'} named.",
            "Name one for each of them, in their order.",
        )
    return FoundTargets(tuple(names), "as was said", labels=labels or ())


def _find_targets(
    train: SurveyedTable, test: SurveyedTable, sample: SurveyedTable | None, id: FoundId, rest: Sequence[str]
) -> FoundTargets:
    lacking = [name for name in train.names if name not in test.has and name not in (id.name, id.column)]
    if sample is None:
        which = f"; {test.path.name} lacks {', '.join(lacking[:8])}" if lacking else ""
        raise DataError(
            f"{train.folder}: there is no sample submission, so what is to be predicted is not known{which}.",
            f"Name it: --target {lacking[0] if len(lacking) == 1 else 'COLUMN'}",
        )
    name = sample.path.name
    if not rest:
        raise DataError(f"{sample.path}: has no column beside {id.name}.", "Name what is predicted: --target COLUMN")
    if all(each in train.has for each in rest):
        return FoundTargets(tuple(rest), f"{name} has {'them' if len(rest) > 1 else 'it'} beside the id")
    small = {each.lower(): each for each in train.names}
    if all(each.lower() in small for each in rest):
        return FoundTargets(tuple(small[each.lower()] for each in rest), f"{name} has it in other letters")
    if len(rest) > 1:
        for column in lacking or [each for each in train.names if each != id.column]:
            if labels := _labels(train, column, rest):
                return FoundTargets((column,), f"{name} has a column for each of its values", labels=labels)
    if len(lacking) == len(rest) == 1:
        return FoundTargets((lacking[0],), f"the only column that {test.path.name} lacks")
    likely = [each for each in lacking if {*words_of(each)} & {*TARGETS}]
    if len(rest) == 1 and len(likely) == 1:
        return FoundTargets((likely[0],), f"{test.path.name} lacks it, and it is called so", sure=False)
    which = f"; {test.path.name} lacks {', '.join(lacking[:8])}" if lacking else f", and {test.path.name} lacks none"
    unknown = next(each for each in rest if each not in train.has)
    raise DataError(
        f"{sample.path}: has a column '{unknown}', which {train.path.name} has not{which}.",
        "Name what is predicted: --target COLUMN",
    )


def _labels(train: SurveyedTable, column: str, columns: Sequence[str]) -> tuple[str, ...] | None:
    """Return the label that each column of a submission is for: called as it, or with one beginning or end for all."""
    distinct = texts(train.all(column)).drop_null().unique().to_pylist()
    labels = {whole_number(text).lower(): text for text in distinct[: LABELS + 1]}
    if not 2 <= len(labels) <= min(LABELS, len(columns)):
        return None
    small = [each.lower() for each in columns]
    longest = max(labels, key=len)
    ways = [("", "")]
    for each in small:
        at = each.find(longest)
        if at >= 0:
            ways += [(each[:at], each[at + len(longest) :])]
    for begin, end in ways:
        if all(each.startswith(begin) and each.endswith(end) for each in small):
            cores = [each[len(begin) : len(each) - len(end)] for each in small]
            if {*labels} <= {*cores}:
                bare = [written[len(begin) : len(written) - len(end)] for written in columns]
                return tuple(labels.get(core, text) for core, text in zip(cores, bare, strict=True))
    return None


def _refuse_known(test: SurveyedTable, name: str) -> None:
    if name not in test.has:
        return
    there = texts(test.all(name)).is_valid().to_numpy(zero_copy_only=False)
    if there.any():
        row = int(there.argmax())
        raise DataError(
            f"{test.path}, row {row + 1:,}, column {name}: the test has the target, in {there.sum():,} of its rows.",
            "Remove the column from the test, or name another table with --test or another target with --target.",
        )


def _id_without_sample(train: SurveyedTable, test: SurveyedTable) -> FoundId:
    """Find a column of the test that could be an id by its name and values."""
    for name in test.names:
        words = words_of(name)
        if name in train.has and words and words[-1] in ("id", "key", "index", "uuid", "guid"):
            ids = _ids(test, name)
            if len(np.unique(ids)) == len(ids):
                return FoundId(name, name, "it is called so, and no two rows share one", sure=False)
    return FoundId(None, None, "no column is called an id; rows are counted", sure=False)


def _checked(id: FoundId, test: SurveyedTable, sample: SurveyedTable | None) -> FoundId:
    """Return an id whose column is a key of test and sample. Raises DataError."""
    if sample is not None and id.name is not None:
        theirs = _ids(sample, id.name)
        refuse_twice(theirs, sample.path, id.name)
        if id.column is not None:
            own = _ids(test, id.column)
            places_of(theirs, own, sample.path, id.name, test.path)
            refuse_twice(own, test.path, id.column)
    elif id.column is not None:
        refuse_twice(_ids(test, id.column), test.path, id.column)
    return id


def _ids(table: SurveyedTable, column: str) -> Array:
    import pyarrow as pa

    return read_ids(pa.table({column: table.all(column)}), column)


def _covers(test: Array, sample: Array) -> bool:
    """Whether both are ids, and the test has all of the sample's."""
    if len(sample) > len(test) or not len(sample):
        return False
    if test.dtype.kind != sample.dtype.kind:
        test, sample = test.astype(str), sample.astype(str)
    unique = np.unique(test)
    if len(unique) < len(test) or len(np.unique(sample)) < len(sample):
        return False
    return bool(np.isin(sample, unique).all())
