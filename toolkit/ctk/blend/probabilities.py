"""Predictions that are probabilities: a blend of them by weights below zero would be none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctk.blend.inputs import ClimbInputs
from ctk.blend.scores import BY_LABEL, LABELS, ClimbMetric

ROUNDING = 1e-6
"""How far a softmax in float32, or a blend of some, may lie beyond 0 and 1."""


def are_probabilities(metric: ClimbMetric, members: Iterable[NDArray[Any]]) -> bool:
    """Whether members predict probabilities: of logloss always; of auc, labels and callables if all are in [0, 1]."""
    if metric.call is None and metric.name not in (*LABELS, *BY_LABEL):
        return False
    return (metric.call is None and metric.name == "logloss") or all(map(_in_range, members))


def as_scored(metric: ClimbMetric, blend: NDArray[Any], data: ClimbInputs) -> NDArray[Any]:
    """Return a blend as a callable takes it: in the members' dtype, and without what rounding put beyond 0 and 1.

    scikit-learn refuses a probability of 1.0000001, and asks of doubles that they sum to one as such.
    """
    if metric.call is None:
        return blend
    single = blend.astype(data.members[0].dtype, copy=False)
    return np.clip(single, 0, 1) if _in_range(single) else single


def _in_range(numbers: NDArray[Any]) -> bool:
    return bool(numbers.min() >= -ROUNDING and numbers.max() <= 1 + ROUNDING)
