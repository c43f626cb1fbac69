"""What a run submits whose time limit left members out: which of them count, and what is said of the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ctk.contract import Blend, BlendChoice, Competition, RunConfig
from ctk.errors import CtkError, OutOfTime, UsageError
from ctk.report.numbers import duration
from ctk.runs import Run
from ctk.samples import Array, Samples
from ctk.workflow.blend_members import PredictedRun, blend_members
from ctk.workflow.fit import was_cut
from ctk.workflow.fit_clock import FitTime, given_up_in_time
from ctk.workflow.fit_schedule import FitSchedule
from ctk.workflow.predictions import MemberPredictions
from ctk.workflow.set_aside import set_aside
from ctk.workflow.split.division import Division

CONSTANT = "constant"
"""What the mean of the training targets is called, where there is no member."""


def settle_members(run: Run, schedule: FitSchedule) -> list[str]:
    """Set aside the parts of members that lack folds, and say what the time limit did, in sentences.

    A member counts where each fold of it is fitted: weights are then found on all rows that are validated, as without
    a limit. Where there is none, the member with the most folds counts, with those, and is scored on their rows.
    """
    states = schedule.keys
    counting = schedule.whole_keys()
    if not counting:
        best = max(states, key=lambda key: len(states[key].fitted))  # of as many the first
        counting = [best] if states[best].fitted else []
    said = []
    limit = schedule.config.time_limit
    left_out = [key for key in states if key not in counting]
    if left_out or any(not states[key].is_whole for key in counting):
        said.append(f"The time limit of {limit} left {len(left_out)} of {len(states)} members out.")
    for key, state in states.items():
        if key not in counting:
            set_aside(run, state.fitted)
            done = f"{len(state.fitted)} of {len(state.parts)} folds were done" if state.fitted else ""
            said.append(f"{key} was left out: {'; '.join(filter(None, (state.why, done)))}.")
            continue
        if not state.is_whole:
            said.append(
                f"{key} has {len(state.fitted)} of {len(state.parts)} folds, as no member has them all: scores are of "
                "their rows, and the test is predicted by these alone."
            )
        said += _of_cut_ones(key, [run.facts(part) for part in state.fitted])
    if not counting:
        said.append("No fit was done in that time: what is submitted is the mean of the training targets.")
    return said


def _of_cut_ones(key: str, facts: Sequence[dict[str, Any]]) -> list[str]:
    cut = [each["timed"] for each in facts if was_cut(each)]
    if not cut:
        return []
    shares = sorted(each["share"] for each in cut)
    asked = sorted({name for each in cut for name in each["asked"]})
    how = f"after {shares[0]:.0%} of the way" + (f" to {shares[-1]:.0%}" if shares[-1] > shares[0] else "")
    if asked and shares[0] == 1:
        how = f"by way of {', '.join(asked)}"
    return [
        f"{key} was cut short by the time limit in {len(cut)} of {len(facts)} folds, {how}: the clock has decided what "
        "it predicts, and fitted again it will not be the same."
    ]


def say_used(schedule: FitSchedule) -> str:
    """Say how long the run took of its limit."""
    clock = schedule.clock
    over = clock.used() - clock.limit
    late = f", {duration(over)} over" if over > 0 else ""
    return f"time limit {schedule.config.time_limit}: {duration(clock.used())} used{late}"


def constant_member(train: Samples, test: Samples, division: Division) -> MemberPredictions:
    """Predict each fold's rows, and the test, with the mean of the targets trained on; of text the commonest one.

    Raises CtkError where a submission is made of members.
    """
    folds = [fold for fold in division.folds if len(fold.valid)]
    rows = np.sort(np.concatenate([fold.valid for fold in folds]))
    targets = np.asarray(train.target if train.predicts_text else train.target_values())
    targets = targets if train.predicts_text else targets.reshape(len(train), -1)
    whole = np.empty((len(train), *targets.shape[1:]), targets.dtype)
    for fold in folds:
        whole[fold.valid] = _middle(targets[fold.train])
    valid = train.take(rows)
    valid = valid.with_own_gallery() if valid.gallery is not None else valid
    middle = _middle(targets)
    predicted = np.repeat(middle[None], len(test), axis=0)
    return MemberPredictions(valid, {CONSTANT: whole[rows]}, {CONSTANT: predicted}, rows=rows)


def _middle(targets: Array) -> Array:
    if targets.dtype.kind == "U":
        texts, counts = np.unique(targets, return_counts=True)
        return np.array(texts[counts.argmax()])
    mean: Array = targets.mean(axis=0, dtype=np.float64).astype(np.float32)
    return mean


def refuse_without_members(run: Run, competition: Competition, limit: str) -> None:
    """Raise CtkError where nothing is fitted, and what is handed in is a bundle of models."""
    if competition.bundled:
        raise CtkError(
            f"No fit was done within {limit}, and a bundle is made of models.",
            f"Go on with more time: --resume {run.folder} -o time_limit=...",
        )


def of_what_is_there(predicted: PredictedRun, config: RunConfig, choice: BlendChoice) -> PredictedRun:
    """Take of the members that a blend chooses those that are there; every one, where none of them is."""
    members = predicted.members
    chosen = config.keys_of(choice.members) or [key for key in members.test if key not in members.baselines]
    there = [key for key in chosen if key in members.test]
    return replace(predicted, members=members.of(there or list(members.test)))


def is_there(members: MemberPredictions, config: RunConfig, choice: BlendChoice) -> bool:
    """Whether any of the members that a blend names is there, or it names none."""
    return not choice.members or any(key in members.test for key in config.keys_of(choice.members))


def blend_in_time(chosen: PredictedRun, choice: BlendChoice, until: float | None, say: Callable[[str], None]) -> Blend:
    """Blend with a choice that was made for all members; with equal weights where it does not suit those left.

    Or where it takes too long: ``until`` is in seconds since 1970, None for no end.
    """
    try:
        with given_up_in_time(None if until is None else FitTime(until, until, needed=True)):
            return blend_members(chosen, choice, say)
    except UsageError as error:
        why = f"{error.problem} Some members were left out; those that are there get equal weights."
    except OutOfTime:
        why = f"The blender '{choice.name}' was not done in time: all members get equal weights."
    say(why)
    return blend_members(chosen, BlendChoice(name="mean"), say)
