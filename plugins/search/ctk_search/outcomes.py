"""What is kept of a trial in the study beside its parameters: user attributes, named here alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

SHARE = "ctk:share"
"""Set by a sampler: the part of its epochs that a trial is fitted for."""
PROMOTES = "ctk:promotes"
"""Set by a sampler: the number of the trial whose parameters this one takes to a larger share."""
FACTS = "ctk:facts"
"""Set by the search when a trial has ended: what is in its row of the results."""


def share_of(trial: Any) -> float:
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


def complete(study: Study) -> list[FrozenTrial]:
    """The trials that have a score, the best first; of equals the earlier."""
    sign = -1 if study.direction.name == "MAXIMIZE" else 1
    trials = [trial for trial in study.get_trials(deepcopy=False) if trial.state == TrialState.COMPLETE]
    return sorted(trials, key=lambda trial: (sign * (math.nan if trial.value is None else trial.value), trial.number))
