"""Blending members' predictions, and postprocessing what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ctk.contract import Blend, Blender, Choice, Competition, Metric
from ctk.errors import UsageError
from ctk.plugins import plugins
from ctk.plugins.guard import Guard
from ctk.runs import Run
from ctk.samples import Array, Data, Samples
from ctk.workflow.predictions import MemberPredictions


@dataclass(frozen=True)
class PredictedRun:
    """A run whose members have predicted; they may come from several other runs."""

    run: Run
    competition: Competition
    metric: Metric
    data: Data
    members: MemberPredictions


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
    if without and plugins().load("blenders", choice.name).needs_oof:
        raise UsageError(
            f"The blender '{choice.name}' needs out-of-fold predictions, which {without[0]} has not.",
            "Take --blender mean.",
        )


def blend_members(predicted: PredictedRun, choice: Choice, say: Callable[[str], None]) -> Blend:
    """Find the weights of the members with a blender. Raises UsageError where that cannot be."""
    members = predicted.members
    check_blender(choice, members)
    keys = blended_keys(members)
    blender = _make_blender(choice, say)
    oof = {key: members.oof.get(key, np.empty(0)) for key in keys}
    return blender.fit(oof, members.valid, predicted.metric)


def check_could_blend(choice: Choice, keys: Sequence[str], samples: Samples, metric: Metric) -> None:
    """Raise UsageError where a blender will not take members' predictions of such samples, once they are there."""
    _make_blender(choice, lambda line: None).check(keys, samples, metric)


def _make_blender(choice: Choice, say: Callable[[str], None]) -> Blender:
    guard = Guard("blenders", choice.name)
    blender: Blender = guard.make(**choice.options)
    blender.say = say
    return guard.wrap(blender)


def postprocess_blend(
    predicted: PredictedRun, blend: Blend, fitted: Mapping[str, Any] | None = None, mended: bool = True
) -> BlendedPredictions:
    """Apply a blend and the competition's postprocessing.

    fitted  what the postprocessing was fitted to before; None fits it to the blend's out-of-fold predictions
    mended  False leaves the weighted sums as they are
    """
    members, competition = predicted.members, predicted.competition
    valid: Array | None = None
    if all(key in members.oof for key in blended_keys(members)):
        valid = blend.apply(members.oof)
    if not mended:
        return BlendedPredictions(blend, {}, valid, blend.apply(members.test))
    if valid is not None:
        if fitted is None:
            fitted = competition.fit_postprocess(valid, members.valid)
        valid = competition.postprocess(valid, members.valid, fitted)
    fitted = fitted or {}
    test = competition.postprocess(blend.apply(members.test), predicted.data.test, fitted)
    return BlendedPredictions(blend, fitted, valid, test)
