"""What a climb gives: weights, the score that they reach, and how they were found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Step:
    """One step of a climb: blend = (1 - share) * blend + share * member, and the metric after it.

    cell is the (row group, column group) that the step was taken in; (0, 0) where weights are not grouped.
    """

    member: int
    share: float
    score: float
    cell: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Blend:
    """Weights (M,), or (row groups, M), (column groups, M), (row groups, column groups, M); each M of them sum to 1.

    score  the metric of the blend on what it was climbed on
    trace  the steps, in order; the first of each cell takes the best single member
    """

    weights: NDArray[np.float64]
    score: float
    trace: tuple[Step, ...]

    def apply(self, predictions: Sequence[Any] | Any) -> Any:
        """Weighted sum of M arrays or tensors of one shape, for weights that are not grouped."""
        if self.weights.ndim != 1:
            raise ValueError("these weights are grouped: blend each group with its own row of weights")
        total = predictions[0] * self.weights[0].item()
        for weight, prediction in zip(self.weights[1:], predictions[1:], strict=True):
            total = total + prediction * weight.item()
        return total
