"""Student's t distribution for whole degrees of freedom, exactly: finite sums, no library and no table.

Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 26.7.3 and 26.7.4; the intervals are those of
Student, The probable error of a mean, Biometrika 6 (1908).
"""

from __future__ import annotations

import math


def within(t: float, freedom: int) -> float:
    """The probability that a value lies between -t and t, for t of at least 0 and ``freedom`` of at least 1."""
    return _within(math.atan(t / math.sqrt(freedom)), freedom)


def quantile(probability: float, freedom: int) -> float:
    """The t for which ``within`` is ``probability``, of at least 0 and below 1: 12.71 for 0.95 and 1."""
    low, high = 0.0, math.pi / 2
    while low < (middle := (low + high) / 2) < high:  # until no number lies between
        low, high = (middle, high) if _within(middle, freedom) < probability else (low, middle)
    return math.sqrt(freedom) * math.tan(low)


def _within(angle: float, freedom: int) -> float:
    """``within`` by the angle whose tangent is t / sqrt(freedom)."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term = cosine if odd else 1.0
    total = term if freedom > 1 else 0.0
    for factor in range(2 + odd, freedom - 1, 2):
        term *= cosine * cosine * (factor - 1) / factor
        total += term
    return 2 / math.pi * (angle + sine * total) if odd else sine * total
