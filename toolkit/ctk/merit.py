"""Comparing scores, of which any may be NaN or missing."""

from __future__ import annotations

import math


def merit(score: float | None, sign: int = 1) -> tuple[bool, float]:
    """Give the key by which ``max`` finds the best score, and ``sorted(..., reverse=True)`` puts the best first.

    sign  1 where more is better, -1 where less is. What is NaN or None comes after every number: NaN itself compares
          false with all, so that max, min and sort would go by the place where it stands.
    """
    return (False, 0.0) if score is None or math.isnan(score) else (True, sign * score)
