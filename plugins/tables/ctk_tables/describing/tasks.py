"""What is to be predicted of the targets, and what is submitted: from their values, and the sample submission's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctk.data import MEND
from ctk.errors import DataError, UsageError
from ctk_tables.describing.kinds import words_of
from ctk_tables.describing.survey import SurveyedTable
from ctk_tables.description import Submits, Task
from ctk_tables.reading.cells import NO_NUMBERS, numbers, texts, whole_number

if TYPE_CHECKING:
    import pyarrow as pa

ORDERED = ("quality", "rating", "grade", "level", "score", "severity", "stage", "rank", "stars", "degree")
NAMED = ("class", "type", "label", "category", "target", "digit", "species", "cluster", "kind", "cover")
"""Words of names whose whole numbers are degrees of one thing, and things of their own."""
ORDERS = (
    ("low", "medium", "high"),
    ("low", "moderate", "high"),
    ("small", "medium", "large"),
    ("none", "mild", "moderate", "severe"),
    ("mild", "moderate", "severe"),
    ("poor", "fair", "average", "good", "excellent"),
    ("poor", "average", "good"),
    ("bad", "neutral", "good"),
    ("negative", "neutral", "positive"),
    ("never", "rarely", "sometimes", "often", "always"),
)
"""Words that have an order; a target may lack some of them."""
CLASSES = 30
"""Different whole numbers at most that may be classes."""
SHARES = ("auc", "roc_auc", "log_loss", "logloss", "brier", "average_precision", "gini", "auc_ovr", "auc_ovo")
"""Metrics of probabilities; map@k and ndcg@k are too."""
CUTS = (
    "accuracy",
    "balanced_accuracy",
    "f1",
    "precision",
    "recall",
    "fbeta",
    "mcc",
    "cohen_kappa",
    "jaccard",
    "hamming",
)
"""Metrics of labels, and what such of averages begin with."""
DEGREES = ("quadratic_kappa",)
AMOUNTS = (
    *("rmse", "mse", "mae", "rmsle", "mape", "smape", "medae", "max_error", "explained_variance", "rmspe", "r2"),
    *("pinball", "poisson", "gamma", "tweedie"),
)
"""Metrics of numbers."""


@dataclass(frozen=True)
class FoundTask:
    """What the targets are.

    notes  sentences about single cells or classes
    """

    task: Task
    classes: tuple[str, ...]
    why: str
    sure: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FoundSubmits:
    """What is submitted.

    written  labels as the sample submission has them, in the order of the classes, where train has them otherwise
    """

    submits: Submits
    why: str
    sure: bool
    written: tuple[str, ...] = ()


def find_task(
    train: SurveyedTable,
    targets: Sequence[str],
    labels: Sequence[str],
    sample: SurveyedTable | None,
    said: Task | None,
    classes: Sequence[str],
    metric: str | None,
) -> FoundTask:
    """Find what the targets are, of which a task and a metric that were said tell something.

    labels  where the submission has a column for each, in their order
    classes that were said
    Raises DataError for values that no task has, UsageError for classes that leave some out.
    """
    found = [_of_column(train, name, labels, sample, said, metric) for name in targets]
    tasks = {each.task for each in found}
    if tasks == {"binary", "regression"} and said is None:
        found = [_of_column(train, name, (), sample, "regression", metric) for name in targets]
        tasks = {"regression"}
    if len(tasks) > 1 or (len(found) > 1 and tasks == {"classes"}):
        told = ", ".join(f"{name} ({each.task})" for name, each in zip(targets[:4], found, strict=False))
        raise DataError(
            f"{train.path}: the targets are {told}; several targets are all numbers, or all of two values.",
            "Make a competition for each: --target COLUMN.",
        )
    one = found[0]
    if len(found) > 1 and one.task in ("binary", "ordinal"):
        unlike = next((number for number, each in enumerate(found) if each.classes != one.classes), None)
        if unlike is not None:
            raise DataError(
                f"{train.path}, column {targets[unlike]}: is {' or '.join(found[unlike].classes[:6])}, and "
                f"{targets[0]} is {' or '.join(one.classes[:6])}.",
                "Write all targets with the same labels.",
            )
    if classes and one.task != "regression":
        if lost := [label for label in one.classes if label not in classes]:
            raise UsageError(
                f"{train.path}, column {targets[0]}: has the class {lost[0]!r}, which --classes leaves out.",
                f"Name all: {', '.join(one.classes[:20])}.",
            )
        one = FoundTask(one.task, tuple(classes), one.why, one.sure, one.notes)
    return FoundTask(
        one.task, one.classes, one.why, all(e.sure for e in found), tuple(note for e in found for note in e.notes)
    )


def find_submits(
    task: FoundTask,
    targets: Sequence[str],
    labels: Sequence[str],
    sample: SurveyedTable | None,
    metric: str | None,
    columns: Sequence[str],
) -> FoundSubmits:
    """Find what is submitted; ``columns`` are those of the sample submission for the targets."""
    if task.task == "regression":
        return FoundSubmits("numbers", "the targets are numbers", True)
    if labels:
        return FoundSubmits("probabilities", "the sample submission has a column for each class", True)
    known = _kind_of_metric(metric)
    if sample is None or not columns:
        if known in ("binary", "probabilities"):
            return FoundSubmits("probabilities", f"{metric} is of probabilities", True)
        return FoundSubmits("labels", "there is no sample submission that says otherwise", known is not None)
    distinct = texts(sample.seen(columns[0])).drop_null().unique().to_pylist()
    name = sample.path.name
    written = _written(task, distinct)
    if distinct and {*distinct} <= {*(written or task.classes)} and (len(distinct) > 1 or not _number(distinct[0])):
        return FoundSubmits("labels", f"{name} has {' and '.join(distinct[:3])}", True, written)
    fractions = [text for text in distinct if _number(text) and not float(text).is_integer()]
    if task.task == "ordinal":
        if fractions:
            return FoundSubmits("numbers", f"{name} has {fractions[0]}", True)
        return FoundSubmits("labels", f"{name} has whole numbers", True, written)
    if fractions and task.task == "binary":
        return FoundSubmits("probabilities", f"{name} has {fractions[0]}", True)
    if known is not None:
        submits: Submits = "probabilities" if known in ("binary", "probabilities") else "labels"
        return FoundSubmits(submits, f"{metric} is of {submits}", True, written if submits == "labels" else ())
    why = f"{name} has nothing but {distinct[0]}" if len(distinct) == 1 else f"{name} does not say otherwise"
    if task.task == "binary" and any("." in text for text in distinct):
        return FoundSubmits("probabilities", f"{name} has {distinct[0]}, a fraction", False)
    return FoundSubmits("labels", why, task.task == "classes", written)


def _written(task: FoundTask, distinct: Sequence[str]) -> tuple[str, ...]:
    """Labels as a sample submission writes them: in other letters, as whole numbers, or of two the 0 and the 1."""
    if not distinct or {*distinct} <= {*task.classes}:
        return ()
    by_letters = {text.lower(): text for text in distinct}
    if all(text.lower() in {label.lower() for label in task.classes} for text in distinct):
        other = next(iter(distinct))
        change = str.upper if other.isupper() else str.lower if other.islower() else str.capitalize
        return tuple(by_letters.get(label.lower(), change(label)) for label in task.classes)
    bare = tuple(whole_number(label) for label in task.classes)
    if {*distinct} <= {*bare}:
        return bare
    return ("0", "1") if task.task == "binary" and {*distinct} <= {"0", "1"} else ()


def default_metric(task: Task, submits: Submits) -> str:
    """The usual metric of a task."""
    if task == "regression":
        return "rmse"
    if task == "ordinal":
        return "quadratic_kappa"
    if submits == "probabilities":
        return "auc" if task == "binary" else "log_loss"
    return "accuracy"


def _kind_of_metric(metric: str | None) -> str | None:
    """What a metric is of: "probabilities", "labels", "degrees", "amounts", or None where it is not known."""
    if metric is None:
        return None
    if metric in SHARES or metric.startswith(("map@", "ndcg@")):
        return "probabilities"
    if metric.startswith(CUTS):
        return "labels"
    if metric in DEGREES:
        return "degrees"
    return "amounts" if metric.partition("@")[0].partition("_deviance")[0] in AMOUNTS else None


def _of_column(
    train: SurveyedTable,
    name: str,
    labels: Sequence[str],
    sample: SurveyedTable | None,
    said: Task | None,
    metric: str | None,
) -> FoundTask:
    cells = train.all(name)
    there = texts(cells)
    if not len(cells) or there.null_count == len(cells):
        raise DataError(f"{train.path}, column {name}: no row has a target.", MEND)
    values, none = numbers(cells, train.decimal, NO_NUMBERS)
    given = there.is_valid().to_numpy(zero_copy_only=False) & ~(np.isnan(values) & ~none)
    notes = []
    if lost := len(cells) - int(given.sum()):
        row = int((~given).argmax())
        notes.append(f"row {row + 1:,}, column {name}: has no target, as {lost:,} rows; they are not learned from")
    kind = _kind_of_metric(metric)
    share = none.sum() / max(1, given.sum())
    if none.any() and (said == "regression" or (said is None and not labels and share < 1)):
        odd = none if share <= 0.5 else given & ~none
        row = int(odd.argmax())
        wrong = f"{str(cells[row])[:40]!r} is {'no' if share <= 0.5 else 'a'} number"
        raise DataError(
            f"{train.path}, row {row + 1:,}, column {name}: {wrong}, as {odd.sum():,} of {given.sum():,} targets are.",
            "Mend the cells, or say that they are labels: --task classes",
        )
    if said == "regression" or (said is None and kind == "amounts" and not labels):
        _refuse_one(train, name, np.unique(values[given]).tolist(), int(given.sum()))
        why = "as was said" if said else f"{metric} is of numbers"
        return FoundTask("regression", (), why, True, tuple(notes))
    if not none.any() and said is None and not labels:
        unique = np.unique(values[given])
        _refuse_one(train, name, unique.tolist(), int(given.sum()))
        fractions = bool((unique != np.round(unique)).any())
        if len(unique) > 2 and (fractions or len(unique) > CLASSES) and kind not in ("probabilities", "labels"):
            told = "numbers" if fractions else "whole numbers"
            return FoundTask("regression", (), f"{len(unique):,} different {told}", True, tuple(notes))
    found = _classes(train, name, there, labels, said)
    task, sure, why = _class_task(name, found, values, none, sample, said, kind, labels)
    if task == "regression":
        return FoundTask("regression", (), why, sure, tuple(notes))
    classes, counts = found
    if task == "ordinal" and any(none):
        order = next(
            order for order in (*ORDERS, tuple(each.lower() for each in classes)) if _is_ordered(classes, order)
        )
        classes = tuple(sorted(classes, key=lambda each: order.index(each.lower())))
    for label in classes:
        if counts[label] == 1:
            row = int((there.fill_null("").to_numpy(zero_copy_only=False) == label).argmax())
            notes.append(f"row {row + 1:,}, column {name}: is the only one of the class {label!r}")
        elif counts[label] == 0:
            notes.append(f"column {name}: no row is of the class {label!r}, which the sample submission has")
    return FoundTask(task, classes, why, sure, tuple(notes))


def _classes(
    train: SurveyedTable, name: str, there: pa.Array, labels: Sequence[str], said: Task | None
) -> tuple[tuple[str, ...], Counter[str]]:
    """Labels in their order, and their rows. Raises DataError where there is one, or nearly one for each row."""
    pairs = there.drop_null().value_counts()
    counts = Counter(dict(zip(pairs.field(0).to_pylist(), pairs.field(1).to_pylist(), strict=True)))
    _refuse_one(train, name, [*counts], counts.total())
    if len(counts) > max(CLASSES, counts.total() / 2) and said is None and not labels:
        label, row = next(iter(counts)), 1
        raise DataError(
            f"{train.path}, row {row}, column {name}: {label[:40]!r} is a text of its own, as nearly every row has; "
            "no class can be learned.",
            "Name another column with --target.",
        )
    if labels:
        return tuple(labels), counts
    try:
        return tuple(sorted(counts, key=float)), counts
    except ValueError:
        return tuple(sorted(counts, key=lambda text: (text.lower() in ("true", "yes", "y", "t"), text))), counts


def _class_task(
    name: str,
    found: tuple[tuple[str, ...], Counter[str]],
    values: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    none: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
    sample: SurveyedTable | None,
    said: Task | None,
    kind: str | None,
    labels: Sequence[str],
) -> tuple[Task, bool, str]:
    """Tell between two classes, several, classes in an order, and whole numbers."""
    classes, counts = found
    count = len(classes)
    told = ", ".join(f"{label} ({counts[label]:,})" for label in classes[:5]) + (" ..." if count > 5 else "")
    if said is not None:
        if said == "binary" and count != 2:
            raise UsageError(f"Column {name} has {count} values, {told}; binary is two.", "Say --task classes.")
        return said, True, "as was said"
    if labels:
        return "classes", True, f"{count} classes: {told}"
    if count == 2:
        return "binary", True, f"two values: {told}"
    if kind == "degrees":
        return "ordinal", True, f"quadratic kappa is of degrees: {told}"
    if kind in ("labels", "probabilities"):
        return "classes", True, f"the metric is of classes: {told}"
    if none.any():
        ordered = any(_is_ordered(classes, order) for order in ORDERS)
        if ordered:
            return "ordinal", False, f"words that have an order: {told}"
        return "classes", True, f"{count} labels: {told}"
    if sample is not None and name in sample.has:
        theirs = texts(sample.seen(name)).drop_null().unique().to_pylist()
        if any(_number(text) and not float(text).is_integer() for text in theirs):
            return "regression", True, f"{sample.path.name} has fractions of it"
    words = {*words_of(name)}
    if words & {*ORDERED}:
        return "ordinal", False, f"{count} whole numbers of a '{next(iter(words & {*ORDERED}))}': {told}"
    known = values[~np.isnan(values)]
    dense = known.max() - known.min() + 1 <= 1.5 * count
    if words & {*NAMED} and len(known) >= 3 * count:
        return "classes", True, f"{count} whole numbers of a '{next(iter(words & {*NAMED}))}': {told}"
    if count <= 10 and dense and known.min() in (0, 1) and len(known) >= 10 * count:
        return "classes", False, f"{count} whole numbers: {told}"
    return "regression", False, f"{count} whole numbers: {told}"


def _is_ordered(classes: Sequence[str], order: Sequence[str]) -> bool:
    return len(classes) > 2 and all(label.lower() in order for label in classes)


def _refuse_one(train: SurveyedTable, name: str, values: Sequence[object], rows: int) -> None:
    if len(values) == 1:
        raise DataError(
            f"{train.path}, rows 1 to {rows:,}, column {name}: all are {str(values[0])[:40]!r}.",
            "There is nothing to learn; is the table whole? Name another column with --target.",
        )


def _number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
