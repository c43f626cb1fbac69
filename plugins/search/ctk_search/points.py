"""The points of a finite space, numbered: the last parameter turns fastest, as digits of a number do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

Distributions = Mapping[str, BaseDistribution]
Values = Sequence[Any]
"""Those of one parameter, in their order."""


def values_of(distribution: BaseDistribution) -> Values | None:
    """All values of a distribution; None for a continuous one."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices
    if isinstance(distribution, IntDistribution):
        return range(distribution.low, distribution.high + 1, distribution.step)
    assert isinstance(distribution, FloatDistribution)
    low, high, step = distribution.low, distribution.high, distribution.step
    if step is None:
        return None
    return [min(low + place * step, high) for place in range(round((high - low) / step) + 1)]


def point(values: Sequence[Values], number: int) -> tuple[Any, ...]:
    """A value of each parameter: the point with a number below the product of how many values each has."""
    found = []
    for each in reversed(values):
        number, place = divmod(number, len(each))
        found.append(each[place])
    return tuple(reversed(found))
