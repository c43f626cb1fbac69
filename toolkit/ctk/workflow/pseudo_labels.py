"""A second round: test samples that members of a first round are surest of, added to what a fold learns from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ctk.blend.scores import LABELS
from ctk.contract import Member, Metric, Model, PseudoLabels, RunConfig
from ctk.data import allocate_scratch
from ctk.errors import DataError, UsageError
from ctk.runs import UNFITTED, Part, Run
from ctk.samples import Array, Samples
from ctk.workflow.predictions import reorder, row_blocks_of
from ctk.workflow.stacking import asked_parts

JOINING = "Joining training samples and pseudo-labelled ones"
ROUNDING = 1e-3
"""How far a mean of probabilities may lie beyond 0 and 1, and a row of classes' from a sum of 1."""


def check_agreement(config: RunConfig, metric: Metric, root: Path) -> None:
    """Raise UsageError for pseudo-labels by agreement of a single prediction; of the config before a dry run's cuts."""
    seeds = {member.name: config.seeds_of(member) for member in config.members}
    for member in config.members:
        labels = member.pseudo_labels
        if labels is None or _confidence(labels, metric) == "probability":
            continue
        predictions = 0
        for asked in labels.of:
            if isinstance(asked, str):
                predictions += len(seeds[asked])
            else:
                parts = Run.find(asked.run, root).parts()
                predictions += len({part.key for part in parts if part.member == asked.member})
        if predictions == 1:
            raise UsageError(
                f"Member '{member.name}' takes pseudo-labels of a single prediction a fold, which agrees with itself "
                "everywhere.",
                "Name a second member, or give the one several seeds: seeds: [1, 2].",
            )


def check_pseudo_labels(config: RunConfig, run: Run, train: Samples) -> None:
    """Raise UsageError where what is asked for pseudo-labels has none, or knows validation rows; before any fit."""
    for member in config.members:
        if member.pseudo_labels is None:
            continue
        if train.gallery is not None:
            raise UsageError(
                f"Member '{member.name}' takes pseudo-labels, and a target here is one of a gallery's rows, which no "
                "prediction is.",
                "Leave pseudo_labels out.",
            )
        if train.predicts_text:
            raise UsageError(
                f"Member '{member.name}' takes pseudo-labels, and predictions here are text, which says nothing of how "
                "sure it is.",
                "Leave pseudo_labels out.",
            )
        for whose, parts in asked_parts(run, member.pseudo_labels.of):
            if whose.folder == run.folder:
                continue
            problem = f"Member '{member.name}' takes pseudo-labels of '{parts[0].member}' of {whose.folder}, which "
            stacked = [each["name"] for each in whose.config()["members"] if each.get("uses")]
            if parts[0].member in stacked:
                raise UsageError(f"{problem}uses other members.", "Take them of members that use none.")
            if any(whose.facts(part)["postprocess"] and not _unfitted(whose, part).is_dir() for part in parts):
                raise UsageError(
                    f"{problem}were postprocessed by what was found on validation rows.", "Fit it in this run."
                )


@dataclass(frozen=True)
class ConfidentRows:
    """Test rows that are learned from.

    rows        (R,) int64, ascending
    target      (R, ...) float32
    confidence  (R,) float64: probabilities, or spreads in parts of the target's deviation
    """

    rows: Array
    target: Array
    confidence: Array


def add_pseudo_labels(
    run: Run, member: Member, part: Part, train: Samples, learned: Array, test: Samples, metric: Metric
) -> tuple[Samples, dict[str, Any]]:
    """Join the rows of ``train`` that a fold learns from and the test samples that a member's first round is sure of.

    Only what the first round's models of this fold predict for the test is asked, before any postprocessing that was
    fitted to validation rows. Returns the facts that ``describe`` puts into words, too. Raises UsageError for
    probabilities that are none, and for agreement that says nothing.
    """
    labels = member.pseudo_labels
    assert labels is not None
    predictions = []
    for whose, parts in asked_parts(run, labels.of):
        own = next(each for each in parts if each.fold == part.fold)
        kind = UNFITTED if whose.facts(own)["postprocess"] else "test"
        predictions.append(reorder(whose.predictions(own, kind), test.ids, own.key))
    samples = train.take(learned)
    by = _confidence(labels, metric)
    if by == "probability":
        found = _by_probability(labels, member.name, predictions)
    else:
        found = _by_agreement(labels, member.name, predictions, samples.target_values())
    facts = {
        "rows": len(found.rows),
        "of": len(test),
        "predictions": len(predictions),
        "confidence": by,
        "mean": float(found.confidence.mean()),
        "last": float(found.confidence.min() if by == "probability" else found.confidence.max()),
    }
    return _joined(samples, train, test.take(found.rows), found.target), facts


def check_readable(model: Model, member: str, learned: Samples, test: Samples) -> None:
    """Raise DataError for a feature that a model reads, and that the test samples have not."""
    if lacking := [name for name in model.features_read(learned) if name in learned.features.keys() - test.features]:
        raise DataError(
            f"Member '{member}' reads feature '{lacking[0]}', which the test samples have not; it cannot learn from "
            "them.",
            "Leave pseudo_labels out, or let it read other features.",
        )


def describe(facts: Sequence[Mapping[str, Any]]) -> str:
    """Say what pseudo-labels were added, in one fold or in several."""
    rows, of, count, by = (facts[0][key] for key in ("rows", "of", "predictions", "confidence"))
    mean = float(np.mean([each["mean"] for each in facts]))
    last = [each["last"] for each in facts]
    told = (
        f"the likeliest class has a probability of {mean:.3f} on the mean, {min(last):.3f} at least"
        if by == "probability"
        else f"{count} predictions spread by {mean:.3f} of the target's deviation on the mean, {max(last):.3f} at most"
    )
    each = " in each fold" if len(facts) > 1 else ""
    return f"learns from {rows:,} of {of:,} test samples too{each}, where {told}"


def _unfitted(run: Run, part: Part) -> Path:
    return run.part_folder(part) / UNFITTED


def _confidence(labels: PseudoLabels, metric: Metric) -> Literal["agreement", "probability"]:
    """Choose by the metric where the config leaves it open."""
    of_labels = metric.predicts == "probabilities" or metric.climb in LABELS
    return labels.confidence or ("probability" if of_labels else "agreement")


def _by_agreement(labels: PseudoLabels, member: str, predictions: Sequence[Array], known: Array) -> ConfidentRows:
    """Rows with the least spread: the mean over columns of the predictions' deviation, in parts of the target's own.

    The spread of an ensemble as its uncertainty: Lakshminarayanan, Pritzel and Blundell 2017, "Simple and scalable
    predictive uncertainty estimation using deep ensembles". Columns in which the target (M, ...) is constant are left
    out. Raises UsageError where all predictions are the same.
    """
    deviation = known.reshape(len(known), -1).std(axis=0, dtype=np.float64)
    moves = deviation > 0
    mean, spread = np.empty(predictions[0].shape, np.float32), np.zeros(len(predictions[0]))
    for block in row_blocks_of(mean):
        some = np.stack([each[block].astype(np.float64) for each in predictions])
        mean[block] = some.mean(axis=0)
        if moves.any():
            scaled = some.std(axis=0).reshape(some.shape[1], -1)[:, moves] / deviation[moves]
            spread[block] = scaled.mean(axis=1)
    if len(predictions) > 1 and moves.any() and not spread.any():
        raise UsageError(
            f"Member '{member}' takes pseudo-labels by agreement, and all {len(predictions)} predictions are the same.",
            "Name members that differ: seeds change nothing in a ridge regression.",
        )
    return _surest(labels, spread, mean, spread)


def _by_probability(labels: PseudoLabels, member: str, predictions: Sequence[Array]) -> ConfidentRows:
    """Rows with the highest mean probability: of the likeliest class, or meaned over columns that are yes or no each.

    Raises UsageError for predictions that are no probabilities.
    """
    mean = np.asarray(np.mean(predictions, axis=0, dtype=np.float64))
    if mean.min(initial=0) < -ROUNDING or mean.max(initial=1) > 1 + ROUNDING:
        raise UsageError(
            f"Member '{member}' takes pseudo-labels by probability, and what is predicted for the test runs from "
            f"{mean.min():.4g} to {mean.max():.4g}.",
            "Take confidence: agreement, or members that predict probabilities.",
        )
    flat = mean.reshape(len(mean), -1)
    confidence: Array
    if flat.shape[1] > 1 and (np.abs(flat.sum(axis=1) - 1) < ROUNDING).all():
        confidence = flat.max(axis=1)
        hard = np.eye(flat.shape[1])[flat.argmax(axis=1)]
    else:
        confidence = np.maximum(flat, 1 - flat).mean(axis=1)
        hard = flat > 0.5
    target = mean if labels.soft else hard.reshape(mean.shape)
    return _surest(labels, -confidence, target.astype(np.float32), confidence)


def _surest(labels: PseudoLabels, doubt: Array, target: Array, confidence: Array) -> ConfidentRows:
    """Take the share of rows with the least doubt (T,); of equal ones the first."""
    count = max(1, round(labels.share * len(doubt)))
    rows = np.sort(np.argsort(doubt, kind="stable")[:count])
    return ConfidentRows(rows, target[rows], confidence[rows])


def _joined(learned: Samples, train: Samples, added: Samples, target: Array) -> Samples:
    """Append test samples with a target to training samples; no id and no group of theirs is one of ``train``'s.

    Features and notes are those that both have. A group that the test has not is a row for itself.
    """
    assert learned.target is not None
    target = target.reshape(len(added), *learned.target.shape[1:])
    return replace(
        learned,
        ids=_appended(learned.ids, _ids_apart(train.ids, added.ids)),
        features={
            name: _appended(values, added.features[name])
            for name, values in learned.features.items()
            if name in added.features
        },
        target=_appended(learned.target, target),
        groups={
            name: _appended(values, _groups_apart(train.groups[name], added.groups.get(name), len(added)))
            for name, values in learned.groups.items()
        },
        notes={
            name: _appended(values, added.notes[name]) for name, values in learned.notes.items() if name in added.notes
        },
    )


def _ids_apart(known: Array, ids: Array) -> Array:
    """Return ids as they are, or, where one is among the known ones, others."""
    if "U" in (known.dtype.kind, ids.dtype.kind):
        known, ids = known.astype(np.str_), ids.astype(np.str_)
    while np.isin(ids, known).any():
        ids = np.char.add("test/", ids) if ids.dtype.kind == "U" else known.max() + 1 + np.arange(len(ids))
    return ids


def _groups_apart(known: Array, numbers: Array | None, rows: int) -> Array:
    """Number the groups of so many rows, in their order, beyond all that are known."""
    own = np.arange(rows) if numbers is None else np.unique(numbers, return_inverse=True)[1]
    return own + (int(known.max()) + 1 if len(known) else 0)


def _appended(first: Array, second: Array) -> Array:
    """Both arrays, one below the other: a file of the cache where that is large."""
    values = allocate_scratch(
        (len(first) + len(second), *first.shape[1:]), np.result_type(first.dtype, second.dtype), JOINING
    )
    for part, start in ((first, 0), (second, len(first))):
        for block in row_blocks_of(part):
            values[start + block.start : start + min(block.stop, len(part))] = part[block]
    return values
