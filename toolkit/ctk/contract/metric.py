"""What a metric is: a score of predictions with the direction that is better."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ctk.errors import NoScore
from ctk.merit import merit
from ctk.samples import Array, Samples

Direction = Literal["max", "min"]
"""Whether more of a score is better, or less."""


@dataclass(frozen=True)
class Metric:
    """A score of predictions: ``score(prediction, samples)`` is a float, ``direction`` says which way is better.

    ``score`` may raise NoScore for rows that have none.

    climb    the metric of ``ctk.blend.hill_climb`` that is best where this one is, so that blending takes its exact
             steps instead of calling ``score``
    columns  from samples, (T,) bool: the columns of a prediction that members decide; none are all of them. The others
             are known otherwise, and a blender leaves them out
    predicts what predictions are: "probabilities" has blenders keep them such, with weights that are not below zero and
             sum to one. None says nothing: then they go by ``climb`` and by the predictions themselves
    """

    name: str
    direction: Direction
    score: Callable[[Array, Samples], float]
    climb: str | None = None
    columns: Callable[[Samples], Array] | None = None
    predicts: Literal["probabilities"] | None = None

    @property
    def sign(self) -> int:
        """1 where higher is better, -1 where lower is."""
        return 1 if self.direction == "max" else -1

    def score_or_nan(self, prediction: Array, samples: Samples) -> float:
        """Score rows that may be too few for it: NaN where ``score`` raises NoScore."""
        try:
            return self.score(prediction, samples)
        except NoScore:
            return math.nan

    def merit(self, score: float | None) -> tuple[bool, float]:
        """Give the key of ``max`` and of ``sorted(..., reverse=True)`` for scores; NaN and None come last."""
        return merit(score, self.sign)
