"""Bringing stored predictions together: folds of a member, members of runs, files of other people."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ctk.contract.blender import BLOCK
from ctk.contract.votes import vote_of_texts
from ctk.data import allocate_scratch
from ctk.errors import CtkError
from ctk.runs import Part, Predictions, Run
from ctk.samples import Array, Samples

JOINING = "Joining predictions"


@dataclass
class MemberPredictions:
    """Members' predictions with rows aligned, by member key.

    oof   (N, ...) of ``valid``; empty where a member has none (a submission file)
    test  (T, ...) in the order of the test samples
    rows  (N,) int64: which training samples ``valid`` are
    """

    valid: Samples
    oof: dict[str, Array]
    test: dict[str, Array]
    baselines: frozenset[str] = frozenset()
    curves: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    importances: dict[str, dict[str, float]] = field(default_factory=dict)
    rows: Array = field(default_factory=lambda: np.arange(0))

    def of(self, keys: Sequence[str]) -> MemberPredictions:
        """Return those of some members, whether they are baselines or not; all of it where none are named."""
        if not keys:
            return self
        oof = {key: self.oof[key] for key in keys if key in self.oof}
        return replace(self, oof=oof, test={key: self.test[key] for key in keys}, baselines=frozenset())


def parts_by_key(run: Run) -> dict[str, list[Part]]:
    """Group a run's fitted parts by member and seed."""
    found: dict[str, list[Part]] = {}
    for part in run.parts():
        found.setdefault(part.key, []).append(part)
    return found


def combine_folds(
    run: Run, parts: Sequence[Part], test_ids: Array, unit: bool = False, kind: str = ""
) -> tuple[Predictions, Array]:
    """Join a member's out-of-fold predictions, and take the mean of its test predictions in ``test_ids`` order.

    Of text, which has no mean, that of the most folds is taken; of as many that of the first.
    ``unit`` scales rows to length 1 before the mean over folds; ``kind`` may be ``RAW``. A single fold's are views of
    the run's store.
    """
    oof = [run.predictions(part, f"{kind}oof") for part in parts]
    test = [reorder(run.predictions(part, f"{kind}test"), test_ids, parts[0].key) for part in parts]
    if len(parts) == 1:
        return oof[0], test[0]
    ids, values = np.concatenate([each.ids for each in oof]), [each.values for each in oof]
    values_of_all = allocate_scratch((len(ids), *values[0].shape[1:]), np.result_type(*values), JOINING)
    np.concatenate(values, out=values_of_all)
    text = test[0].dtype.kind == "U"
    dtype = np.result_type(*test) if text else np.result_type(np.float32, *test)
    mean = allocate_scratch(test[0].shape, dtype, JOINING)
    for rows in row_blocks_of(mean):
        some = [each[rows] for each in test]
        if text:
            mean[rows] = vote_of_texts(some, [np.ones(1)] * len(some))
            continue
        if unit:
            # Only directions count in retrieval; lengths differ by fold and would weigh one against another.
            some = [each / np.linalg.norm(each, axis=1, keepdims=True).clip(1e-12) for each in some]
        mean[rows] = np.mean(some, axis=0)
    return Predictions(ids, values_of_all), mean


def reorder(predictions: Predictions, ids: Array, what: str) -> Array:
    """Bring prediction values into the order of ``ids``; a view where they are in it already.

    Raises CtkError naming the first id that is not there.
    """
    if np.array_equal(predictions.ids, ids):
        return predictions.values
    order = np.argsort(predictions.ids, kind="stable")
    place = np.searchsorted(predictions.ids, ids, sorter=order).clip(max=max(0, len(order) - 1))
    rows = order[place] if len(order) else place
    missing = predictions.ids[rows] != ids if len(order) else np.ones(len(ids), dtype=bool)
    if missing.any():
        raise CtkError(
            f"{what}: there is no prediction for id {ids[missing.argmax()]}.", "Was it made from other data?"
        )
    values = allocate_scratch((len(ids), *predictions.values.shape[1:]), predictions.values.dtype, JOINING)
    for some in row_blocks_of(values):
        values[some] = predictions.values[rows[some]]
    return values


def same_ids(some: Array, others: Array) -> bool:
    """Whether these are the same ids, in whatever order."""
    return np.array_equal(some, others) or np.array_equal(np.sort(some), np.sort(others))


def row_blocks_of(values: Array) -> Iterator[slice]:
    """Cut an array's rows into blocks of some MB."""
    rows = max(1, BLOCK // max(1, math.prod(values.shape[1:])))
    return (slice(start, start + rows) for start in range(0, len(values), rows))


def gather_predictions(
    runs: Mapping[str, Run], train: Samples, test: Samples, kind: str = "", keys: Sequence[str] | None = None
) -> MemberPredictions:
    """Gather the predictions of every member of some runs; with ``kind`` ``RAW`` those that nothing has mended.

    ``keys`` are the members that are gathered, where that is not every one.

    Keys are prefixed with the mapping's keys where these are not empty.

    The validation samples are those that every member has an out-of-fold prediction for. Raises CtkError if there are
    none.
    """
    oof: dict[str, Predictions] = {}
    tests: dict[str, Array] = {}
    baselines: set[str] = set()
    curves: dict[str, list[dict[str, float]]] = {}
    seconds: dict[str, float] = {}
    importances: dict[str, dict[str, float]] = {}
    for prefix, run in runs.items():
        shown = {member["name"] for member in run.config()["members"] if not member.get("blend", True)}
        for key, parts in parts_by_key(run).items():
            if keys is not None and key not in keys:
                continue
            name = f"{prefix}/{key}" if prefix else key
            oof[name], tests[name] = combine_folds(run, parts, test.ids, unit=train.gallery is not None, kind=kind)
            facts = [run.facts(part) for part in parts]
            curves[name], seconds[name] = facts[0]["curve"], sum(fact["seconds"] for fact in facts)
            if told := [each for fact in facts if (each := fact.get("importances"))]:
                importances[name] = mean_importances(told)
            if parts[0].member in shown:
                baselines.add(name)
    if not len(train):  # saved members predict a test alone
        return MemberPredictions(train, {}, tests, frozenset(baselines), curves, seconds, importances)
    common = np.ones(len(train), dtype=bool)
    last: Array | None = None
    for predictions in oof.values():
        if last is None or not np.array_equal(predictions.ids, last):  # members mostly know the same rows
            common &= np.isin(train.ids, predictions.ids)
        last = predictions.ids
    if not common.any():
        raise CtkError(
            "These members have no validation sample in common.",
            "Blend runs that were split alike, or give their submission files instead to take the plain mean.",
        )
    rows = np.flatnonzero(common)
    valid = train.take(rows)
    values = {name: reorder(predictions, valid.ids, name) for name, predictions in oof.items()}
    valid = valid.with_own_gallery() if valid.gallery is not None else valid
    return MemberPredictions(valid, values, tests, frozenset(baselines), curves, seconds, importances, rows)


def mean_importances(folds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Take the mean over folds of what columns are worth; a column that a fold leaves out is worth nothing there."""
    names = dict.fromkeys(name for each in folds for name in each)
    return {name: sum(each.get(name, 0.0) for each in folds) / len(folds) for name in names}
