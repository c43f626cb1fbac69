"""Blending members' predictions, and postprocessing what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ctk.contract import Blend, BlendChoice, Blender, Choice, Competition, Metric, RowBins, join_blends
from ctk.errors import UsageError
from ctk.plugins import plugins
from ctk.plugins.guard import Guard
from ctk.runs import Run
from ctk.samples import Array, Data, Samples
from ctk.workflow.postprocessing import Postprocessing
from ctk.workflow.predictions import MemberPredictions


@dataclass(frozen=True)
class PredictedRun:
    """A run whose members have predicted; they may come from several other runs."""

    run: Run
    competition: Competition
    metric: Metric
    data: Data
    members: MemberPredictions
    postprocessing: Postprocessing


@dataclass(frozen=True)
class BlendedPredictions:
    """A blend and its postprocessed predictions.

    blend   the weights
    fitted  what the postprocessing was fitted to
    valid   (N, ...) of the samples that were validated; None where a blended member has no out-of-fold predictions
    test    (T, ...) of the test samples: what is submitted
    """

    blend: Blend
    fitted: Mapping[str, Any]
    valid: Array | None
    test: Array


def blended_keys(members: MemberPredictions) -> list[str]:
    """List the members that are blended. Raises UsageError if there are none."""
    keys = [key for key in members.test if key not in members.baselines]
    if not keys:
        raise UsageError("Every member is marked blend: false; there is nothing to submit.")
    return keys


def check_blender(choice: Choice, members: MemberPredictions) -> None:
    """Raise UsageError if there is nothing to blend, or out-of-fold predictions lack that the blender needs."""
    without = [key for key in blended_keys(members) if key not in members.oof]
    kind = plugins().load("blenders", choice.name)
    text = {key: members.test[key].dtype.kind == "U" for key in blended_keys(members)}
    if len(set(text.values())) > 1:
        ones, others = (next(key for key, is_text in text.items() if is_text is wanted) for wanted in (True, False))
        raise UsageError(f"{ones} predicts text and {others} numbers, of which no blend can be made.", "Leave one out.")
    refuse_text(choice.name, kind, any(text.values()))
    if without and kind.needs_oof:
        raise UsageError(
            f"The blender '{choice.name}' needs out-of-fold predictions, which {without[0]} has not.",
            "Take --blender mean.",
        )


def refuse_text(name: str, blender: type[Blender] | Blender, text: bool) -> None:
    """Raise UsageError for a blender of numbers where predictions are text."""
    if text and not blender.reads_text:
        problem = f"The blender '{name}' finds weights of numbers, and what is predicted here is text."
        raise UsageError(problem, "Take the blender vote, or mean: the text that most members predict.")


def blend_members(predicted: PredictedRun, choice: BlendChoice, say: Callable[[str], None]) -> Blend:
    """Find the weights of the members with a blender, of each bin of rows by itself where the choice has bins.

    Raises UsageError where that cannot be.
    """
    members, rows = predicted.members, choice.row_bins()
    check_blender(choice, members)
    blender = _make_blender(choice, say)
    oof = {key: members.oof.get(key, np.empty(0)) for key in blended_keys(members)}
    if rows is None:
        return blender.fit(oof, members.valid, predicted.metric)
    parts = _rows_of_bins(rows, members.valid, needed=blender.needs_oof)
    blends = [
        blender.fit(
            {key: values[own] if len(values) else values for key, values in oof.items()},
            members.valid.take(own),
            predicted.metric,
        )
        for own in parts
    ]
    blend = join_blends(rows, blends, [len(own) for own in parts])
    scored = all(len(values) for values in oof.values())
    score = predicted.metric.score(blend.apply(oof, members.valid), members.valid) if scored else None
    return replace(blend, score=score)


def check_could_blend(
    choice: BlendChoice, keys: Sequence[str], train: Samples, validated: Array, test: Samples, metric: Metric
) -> None:
    """Raise UsageError where a blender will not take members' predictions of such samples, once they are there.

    validated  (N,) bool, which training samples will have predictions
    """
    blender = _make_blender(choice, lambda line: None)
    refuse_text(choice.name, blender, train.predicts_text)
    rows = choice.row_bins()
    if rows is None:
        blender.check(keys, train, metric)
        return
    rows.number(test, "test sample")
    samples = train.take(np.flatnonzero(validated))
    for own in _rows_of_bins(rows, samples, needed=blender.needs_oof):
        blender.check(keys, samples.take(own), metric)


def _rows_of_bins(rows: RowBins, samples: Samples, needed: bool) -> list[Array]:
    """Row numbers of each bin. Raises UsageError for a row in none, and where one that is ``needed`` has none."""
    number = rows.number(samples)
    found = [np.flatnonzero(number == place) for place in range(len(rows.bins))]
    for name, own in zip(rows.names, found, strict=True):
        if needed and not len(own):
            raise UsageError(
                f"No validated sample has {name}, and the blend's weights are found on such.",
                "Join that bin to another, or validate on more folds.",
            )
    return found


def _make_blender(choice: Choice, say: Callable[[str], None]) -> Blender:
    guard = Guard("blenders", choice.name)
    blender: Blender = guard.make(**choice.options)
    blender.say = say
    return guard.wrap(blender)


def postprocess_blend(
    predicted: PredictedRun, blend: Blend, fitted: Mapping[str, Any] | None = None
) -> BlendedPredictions:
    """Apply a blend and the competition's postprocessing.

    ``fitted`` is what the postprocessing was fitted to before; None fits it to the blend's out-of-fold predictions.
    """
    members, mend = predicted.members, predicted.postprocessing
    valid: Array | None = None
    if all(key in members.oof for key in blended_keys(members)):
        valid = blend.apply(members.oof, members.valid)
    if valid is not None:
        if fitted is None:
            fitted = mend.fit(valid, members.valid)
        valid = mend.apply(valid, members.valid, fitted)
    fitted = fitted or {}
    test = predicted.data.test
    submitted = mend.apply(blend.apply(members.test, test), test, fitted)
    return BlendedPredictions(blend, fitted, valid, submitted)
