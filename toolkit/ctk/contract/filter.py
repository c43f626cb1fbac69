"""What a filter is: it scores training samples and says which to keep; and what filters share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from ctk.samples import Array, Samples


@dataclass(frozen=True)
class FilterContext:
    """What a filter is told besides the samples: a folder of its own, pictures if any, seed, device, progress."""

    folder: Path
    files: Path | None
    seed: int
    device: str
    fit: Callable[[Mapping[str, Any], Samples, Samples], Array]
    """Fit a member (as in a config) on the first samples and predict the second: for filters that need a baseline.

    Where the filter's config names a fitted member (its key ``member``), that one predicts and nothing is fitted.
    """
    progress: Callable[[int, int], None] = lambda done, total: None


class Filter(ABC):
    """Scores training samples and says which to keep."""

    @abstractmethod
    def score(self, samples: Samples, context: FilterContext) -> Array:
        """Score samples, (N,) float; higher fits better."""

    @abstractmethod
    def keep(self, scores: Array) -> Array:
        """Choose which samples to keep, (N,) bool, from their scores."""


DropFraction = Annotated[float, Field(ge=0, lt=1)]
"""Annotation of an option ``drop_fraction``, so that a config with 10 instead of 0.10 is refused."""


Count = Annotated[int, Field(ge=1)]
"""Annotation of an option that counts something there must be at least one of."""


def keep_best(scores: Array, drop_fraction: float) -> Array:
    """Keep all but the lowest ``drop_fraction`` of (N,) scores, (N,) bool: exactly round(N * (1 - drop_fraction)).

    The rule of the AML challenge's filter: keep what lies above the quantile, then correct the count where scores are
    equal. Among equals the first rows stay. Python's ``round`` goes to the even number at halves.
    Raises ValueError for a fraction outside [0, 1), scores of another shape, and the first that is not finite.
    """
    scores = np.asarray(scores)
    if not 0 <= drop_fraction < 1:
        raise ValueError(f"drop_fraction is {drop_fraction}; it must be at least 0 and less than 1")
    if scores.ndim != 1:
        raise ValueError(f"scores must be (N,), not {scores.shape}")
    if (bad := np.flatnonzero(~np.isfinite(scores))).size:
        raise ValueError(f"the score of row {bad[0]:,} is {scores[bad[0]]}")
    # The best n by a stable sort are the same set as quantile and correction give, ties included.
    best = np.argsort(-scores.astype(np.float64), kind="stable")
    keep = np.zeros(len(scores), dtype=bool)
    keep[best[: round(len(scores) * (1 - drop_fraction))]] = True
    return keep
