"""What is kept of a trial in the study beside its parameters: user attributes, named here alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from ctk.contract import Metric

SHARE = "ctk:share"
"""Set by a sampler: the part of its epochs that a trial is fitted for."""
PROMOTES = "ctk:promotes"
"""Set by a sampler: the number of the trial whose parameters this one takes to a larger share."""
FACTS = "ctk:facts"
"""Set by the search when a trial has ended: what is in its row of the results."""
MARKS = "ctk:marks"
"""Set by the search when a trial has ended: what the pruner judges others by."""


def share_of(trial: FrozenTrial) -> float:
    """The part of its epochs that a trial is fitted for."""
    return float(trial.user_attrs.get(SHARE, 1.0))


def promoted_by(trial: FrozenTrial) -> int | None:
    """The number of the trial that this one goes on from."""
    number = trial.user_attrs.get(PROMOTES)
    return None if number is None else int(number)


def facts_of(trial: FrozenTrial) -> Mapping[str, Any]:
    """What was written down of a trial that ended; empty before."""
    facts: Mapping[str, Any] = trial.user_attrs.get(FACTS, {})
    return facts


def ranked(trials: Iterable[FrozenTrial], metric: Metric) -> list[FrozenTrial]:
    """The trials that have a score, those of all their epochs first, then the best first; of equals the earlier.

    Scores after a part of the epochs and after all of them do not compare.
    """
    scored = [trial for trial in trials if trial.state == TrialState.COMPLETE and trial.value is not None]
    best_first = sorted(scored, key=lambda trial: (metric.merit(trial.value), -trial.number), reverse=True)
    return sorted(best_first, key=lambda trial: share_of(trial) < 1)
