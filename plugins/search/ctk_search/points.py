"""The points of a finite space, numbered: the last parameter turns fastest, as digits of a number do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

Distributions = Mapping[str, BaseDistribution]


def count(distribution: BaseDistribution) -> int | None:
    """How many values a distribution has; None for a continuous one."""
    if isinstance(distribution, CategoricalDistribution):
        return len(distribution.choices)
    if isinstance(distribution, IntDistribution):
        return (distribution.high - distribution.low) // distribution.step + 1
    assert isinstance(distribution, FloatDistribution)
    if distribution.step is None:
        return None
    return round((distribution.high - distribution.low) / distribution.step) + 1


def size(space: Distributions) -> int | None:
    """How many points a space has; None where one of its parameters is continuous."""
    counts = [count(distribution) for distribution in space.values()]
    return None if None in counts else math.prod(each for each in counts if each is not None)


def point(space: Distributions, number: int) -> dict[str, Any]:
    """The point with a number below ``size(space)``."""
    values: dict[str, Any] = {}
    for name, distribution in reversed(list(space.items())):
        number, place = divmod(number, count(distribution) or 1)
        values[name] = value_at(distribution, place)
    return {name: values[name] for name in space}


def number_of(space: Distributions, values: Mapping[str, Any]) -> int:
    """The number of a point."""
    number = 0
    for name, distribution in space.items():
        number = number * (count(distribution) or 1) + _place(distribution, values[name])
    return number


def value_at(distribution: BaseDistribution, place: int) -> Any:
    """A distribution's value by its place, from 0."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[place]
    assert isinstance(distribution, (IntDistribution, FloatDistribution))
    assert distribution.step is not None
    found = distribution.low + place * distribution.step
    return min(found, distribution.high)


def _place(distribution: BaseDistribution, value: Any) -> int:
    if isinstance(distribution, CategoricalDistribution):
        return int(distribution.to_internal_repr(value))
    assert isinstance(distribution, (IntDistribution, FloatDistribution))
    assert distribution.step is not None
    return round(float((value - distribution.low) / distribution.step))
