"""A parameter as a decision among finitely many: its values, or the bins that its range is cut into."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution


@dataclass(frozen=True)
class Decision:
    """One level of the tree.

    A range of many values is cut into ``bins`` of equal width, on its own scale; a point in a bin is drawn. Progressive
    widening (Couëtoux et al. 2011, Continuous Upper Confidence Trees) would keep the values that were drawn as children
    and try them again; a training is deterministic, so that nothing is learned from the same point twice.

    starts  of a countable parameter: the place of each bin's first value, and the number of values behind the last;
            of a continuous one: the bins' edges, from low to high
    """

    name: str
    distribution: BaseDistribution
    starts: tuple[float, ...]

    @classmethod
    def of(cls, name: str, distribution: BaseDistribution, bins: int) -> Decision:
        """The decision that a parameter is."""
        count = _count(distribution)
        if count is None:
            return cls(name, distribution, tuple(_edges(distribution, bins)))
        if count <= bins or isinstance(distribution, CategoricalDistribution):
            return cls(name, distribution, tuple(range(count + 1)))
        inner = [_place(distribution, edge) for edge in _edges(distribution, bins)[1:-1]]
        return cls(name, distribution, (*sorted({0, *(place for place in inner if 0 < place < count)}), count))

    @property
    def branches(self) -> int:
        """How many children a node of this level can have."""
        return len(self.starts) - 1

    def points(self, branch: int) -> float:
        """How many values a branch holds; infinity of a continuous parameter."""
        if self._continuous:
            return math.inf
        return self.starts[branch + 1] - self.starts[branch]

    def branch_of(self, value: Any) -> int:
        """The branch that a value lies in."""
        place = value if self._continuous else _place(self.distribution, value)
        return min(bisect_right(self.starts, place), self.branches) - 1

    def value(self, branch: int, number: int) -> Any:
        """The countable value with a number in its branch."""
        place = int(self.starts[branch]) + number
        if isinstance(self.distribution, CategoricalDistribution):
            return self.distribution.choices[place]
        low, high, step, _ = _range(self.distribution)
        return low if step is None else type(low)(min(low + place * step, high))

    def draw(self, branch: int, random: np.random.Generator) -> Any:
        """A value from a branch, each with the same chance on the parameter's scale."""
        if not self._continuous:
            return self.value(branch, int(random.integers(int(self.points(branch)))))
        low, high, _, log = _range(self.distribution)
        start, end = self.starts[branch], self.starts[branch + 1]
        drawn = math.exp(random.uniform(math.log(start), math.log(end))) if log else random.uniform(start, end)
        return min(max(drawn, low), high)

    def label(self, branch: int) -> Any:
        """What a branch is called: its value, or its bin as ``[from, to]``."""
        if self._continuous:
            return [self.starts[branch], self.starts[branch + 1]]
        last = int(self.points(branch)) - 1
        return self.value(branch, 0) if last == 0 else [self.value(branch, 0), self.value(branch, last)]

    @property
    def _continuous(self) -> bool:
        return _count(self.distribution) is None


def decisions_of(space: Mapping[str, BaseDistribution], bins: int) -> tuple[Decision, ...]:
    """The levels of the tree over a space, in its order."""
    return tuple(Decision.of(name, distribution, bins) for name, distribution in space.items())


def _range(distribution: BaseDistribution) -> tuple[float, float, float | None, bool]:
    assert isinstance(distribution, (FloatDistribution, IntDistribution))
    return distribution.low, distribution.high, distribution.step, distribution.log


def _count(distribution: BaseDistribution) -> int | None:
    if isinstance(distribution, CategoricalDistribution):
        return len(distribution.choices)
    low, high, step, _ = _range(distribution)
    if low == high:
        return 1
    return None if step is None else round((high - low) / step) + 1


def _place(distribution: BaseDistribution, value: Any) -> int:
    """Where among a countable distribution's values one stands; between two, the place of the next."""
    if isinstance(distribution, CategoricalDistribution):
        return int(distribution.to_internal_repr(value))
    low, _, step, _ = _range(distribution)
    return 0 if step is None else math.ceil(round((value - low) / step, 9))


def _edges(distribution: BaseDistribution, bins: int) -> list[float]:
    low, high, _, log = _range(distribution)
    edges = np.geomspace(low, high, bins + 1) if log else np.linspace(low, high, bins + 1)
    return [low, *(float(edge) for edge in edges[1:-1]), high]
