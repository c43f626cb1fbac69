"""The leaves of the tree: each set of parameters that was tried, with all that is known of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

SHARE = "ctk:share"
"""User attribute of a trial: the share of its epochs that it is run for."""
PROMOTES = "ctk:promotes"
"""User attribute of a trial: the number of the probe whose parameters it takes to a larger share."""
PROPOSED = "mcts:proposed"
"""System attribute: what was proposed, for as long as the objective has not asked for it."""
WORST = -math.inf

Array = NDArray[np.float64]


@dataclass
class Leaf:
    """Parameters that were tried: a probe and the full run that it was promoted to are one leaf.

    trials  the number of the trial of each share of epochs, the newest where there are several
    scores  of those that have ended, by share; larger is better
    pruned  whether the last that ended was ended early
    """

    parameters: Mapping[str, Any]
    trials: dict[float, int] = field(default_factory=dict)
    scores: dict[float, float] = field(default_factory=dict)
    pruned: bool = False

    @property
    def in_full(self) -> bool:
        """Whether all epochs were run, or are being run."""
        return max(self.trials) >= 1


def leaves_of(study: Study, space: Mapping[str, BaseDistribution]) -> list[Leaf]:
    """What the study's trials say of the space, in the order of first trials."""
    leaves: dict[tuple[Any, ...], Leaf] = {}
    for trial in study.get_trials(deepcopy=False):
        known = parameters_of(trial)
        if trial.state == TrialState.WAITING or not all(name in known for name in space):
            continue
        parameters = {name: known[name] for name in space}
        if not all(_is_of(distribution, parameters[name]) for name, distribution in space.items()):
            continue
        key = tuple(parameters.values())
        leaf = leaves.setdefault(key, Leaf(parameters))
        leaf.trials[share_of(trial)] = trial.number
        if trial.state != TrialState.RUNNING:
            leaf.scores[share_of(trial)] = score_of(trial, study.direction)
            leaf.pruned = trial.state == TrialState.PRUNED
    return list(leaves.values())


def parameters_of(trial: FrozenTrial) -> Mapping[str, Any]:
    """A trial's parameters; of one that has just begun what was proposed for it."""
    proposed: Mapping[str, Any] = trial.system_attrs.get(PROPOSED, {})
    return {**proposed, **trial.params}


def share_of(trial: FrozenTrial) -> float:
    """The share of its epochs that a trial is run for."""
    return float(trial.user_attrs.get(SHARE, 1.0))


def score_of(trial: FrozenTrial, direction: StudyDirection) -> float:
    """A trial's score, larger is better: of a pruned one the last that it reported; of a failed one the worst."""
    value: float | None = None
    if trial.state == TrialState.COMPLETE:
        value = trial.value
    elif trial.state == TrialState.PRUNED and trial.intermediate_values:
        value = trial.intermediate_values[max(trial.intermediate_values)]
    if value is None or math.isnan(value):
        return WORST
    return value if direction == StudyDirection.MAXIMIZE else -value


def rewards_of(leaves: Sequence[Leaf]) -> list[float | None]:
    """For each leaf the share of the others that it beats, in [0, 1]; half of those that it equals. Half if alone.
    None where no trial has ended.

    Two leaves are compared at the largest share of epochs that both have been run for, as the rungs of successive
    halving are (Jamieson and Talwalkar 2016): the score of a short run and that of a long one say nothing about each
    other. Being ranks, rewards know neither the scale of the metric nor outliers. O(n log n) for n leaves: those of the
    same shares are ranked at once.
    """
    groups: dict[frozenset[float], list[int]] = {}
    for number, leaf in enumerate(leaves):
        if leaf.scores:
            groups.setdefault(frozenset(leaf.scores), []).append(number)
    wins = np.zeros(len(leaves))
    for mine, here in groups.items():
        for others, there in groups.items():
            wins[here] += _wins(leaves, here, there, max(mine & others, default=None))
    rivals = sum(map(len, groups.values())) - 1
    # Each has been compared with itself too, and was its equal.
    return [
        None if not leaf.scores else float((win - 0.5) / rivals) if rivals else 0.5
        for leaf, win in zip(leaves, wins, strict=True)
    ]


def _wins(leaves: Sequence[Leaf], here: list[int], there: list[int], share: float | None) -> Array:
    """How many of ``there`` each of ``here`` beats at a share of epochs, equals by half; all are equals at none."""
    if share is None:
        return np.full(len(here), len(there) / 2)
    own = [leaves[number].scores[share] for number in here]
    known = np.sort([leaves[number].scores[share] for number in there])
    return (np.searchsorted(known, own, "left") + np.searchsorted(known, own, "right")) / 2


def _is_of(distribution: BaseDistribution, value: Any) -> bool:
    try:
        return distribution._contains(distribution.to_internal_repr(value))
    except ValueError:  # no choice of a categorical one
        return False
