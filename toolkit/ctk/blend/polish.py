"""The last move of a climb by absolute error: where no step to one member gains, a step to several at once still may.

The sum of absolute errors has kinks, and at a kink every single direction may rise although a joint one falls. The
joint direction is Newton's for the sum with its kinks rounded off within delta (Huber 1964, "Robust estimation of a
location parameter"), its length exact; delta shrinks until it holds as many residuals as there are weights to choose,
which is how many are zero where the sum is least.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SWEEPS = 30
GAIN = 1e-8
"""Of a sweep, relatively: less is not worth another, and is about what float32 tells apart."""
NEAREST = 2048
"""Residuals that the widest delta holds, at most; an eighth of all where that is fewer."""


class Residuals(Protocol):
    """Residuals e (n,) of a blend, and E (M, n) of the members that may be taken, wherever they lie."""

    loss: float

    def near(self, count: int) -> tuple[Floats, Floats]:
        """The count smallest |e|, smallest first: e (count,) and E - e (M, count)."""

    def slopes(self) -> Floats:
        """(M,) sum of sign(e) (E - e), with sign(0) either sign that `near` gives its zeros."""

    def move(self, change: Floats) -> float:
        """Goes as far along e + share * change @ E, share in [-1, 4], as lowers the loss most; the share (or 0)."""


def polish(weights: Floats, rows: int, residuals: Residuals) -> Floats | None:
    """Better weights (M,), summing to what they did; None where there are none."""
    fewest = len(weights) - 1
    if fewest < 1 or rows <= fewest:
        return None
    first = residuals.loss
    weights = weights.copy()
    for _ in range(SWEEPS):
        before = residuals.loss
        count = max(min(rows // 8, NEAREST), fewest)
        nearest, toward = residuals.near(count)
        while True:
            change = _newton(residuals.slopes(), nearest[:count], toward[:, :count])
            if change is not None:
                weights += residuals.move(change) * change
            if count == fewest:
                break
            count = max(count // 6, fewest)
        if not before - residuals.loss > GAIN * before:
            break
    return weights if residuals.loss < first else None


def _newton(slopes: Floats, near: Floats, toward: Floats) -> Floats | None:
    """Change of the weights, summing to zero: the least of the parabola through slope and curvature."""
    members = len(slopes)
    delta = max(float(np.abs(near).max()), float(np.finfo(np.float32).tiny))
    slopes = slopes + toward @ (np.clip(near / delta, -1, 1) - np.where(np.signbit(near), -1, 1))
    curvature = toward @ toward.T / delta
    curvature += 1e-10 * np.trace(curvature) / members * np.eye(members)  # members that are alike
    ones = np.ones((members, 1))
    try:
        solved = np.linalg.solve(np.block([[curvature, ones], [ones.T, np.zeros((1, 1))]]), np.append(-slopes, 0.0))
    except np.linalg.LinAlgError:
        return None
    change: Floats = solved[:-1]
    return change if np.isfinite(change).all() else None
