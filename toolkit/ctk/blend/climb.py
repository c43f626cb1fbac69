"""The climb itself, for objectives written in Python: what csrc/blend/climb.h does for those written in C++."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a climb may do.

    low, high    bounds of a step's share
    replacement  whether a member may be taken again
    tolerance    a gain under tolerance times the first loss counts as none
    patience     rounds in a row that may gain no more than that
    allowed      (M,) the members that may be taken at all
    """

    low: float
    high: float
    replacement: bool
    tolerance: float
    patience: int
    max_rounds: int
    allowed: Sequence[bool]


class Objective(Protocol):
    """A loss of blends, smaller is better, with the state of one blend."""

    def alone(self) -> Sequence[float] | NDArray[np.float64]:
        """Loss of each member alone."""

    def search(self, members: Sequence[int], low: float, high: float) -> tuple[float, int, float]:
        """Least loss of a step, its member and its share; ties go to the first member."""

    def blend(self, weights: NDArray[np.float64]) -> float:
        """Makes the state that of these weights and returns its loss."""

    def polish(self, weights: NDArray[np.float64], free: Sequence[int]) -> NDArray[np.float64] | None:
        """Better weights of the free members, where single steps find none; None where there are none."""


REOPENING = 1e-6
"""A polish that gains so much of the loss may have opened the way for single steps again."""


class RunningClimb(Protocol):
    """A climb under way, in Python or in C++."""

    @property
    def weights(self) -> NDArray[np.float64]:
        """(M,), summing to one."""

    @property
    def members(self) -> NDArray[np.int64]:
        """Member of each step so far."""

    @property
    def shares(self) -> NDArray[np.float64]:
        """Share of each step so far."""

    @property
    def losses(self) -> NDArray[np.float64]:
        """Loss after each step so far."""

    def advance(self, seconds: float) -> bool:
        """Go on for about so long, or a round; True once the climb is over."""

    def at(self, weights: Any) -> float:
        """Loss of any weights, once the search is over."""


@dataclass
class Climb:
    """A climb over an objective written in Python."""

    objective: Objective
    options: Options
    taken: list[tuple[int, float, float]] = field(default_factory=list)
    weights: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    loss: float = math.inf
    poor_rounds: int = 0
    over: bool = False
    polished: bool = False

    @property
    def members(self) -> NDArray[np.int64]:
        return np.array([member for member, _, _ in self.taken], dtype=np.int64)

    @property
    def shares(self) -> NDArray[np.float64]:
        return np.array([share for _, share, _ in self.taken])

    @property
    def losses(self) -> NDArray[np.float64]:
        return np.array([loss for _, _, loss in self.taken])

    def advance(self, seconds: float) -> bool:
        end = time.perf_counter() + seconds
        if not self.taken:
            self._begin()
        while not self.over and time.perf_counter() < end:
            self._round()
        if self.over and not self.polished:
            self._polish()
        return self.over

    def at(self, weights: Any) -> float:
        return self.objective.blend(np.asarray(weights))

    def _begin(self) -> None:
        alone = np.where(self.options.allowed, np.asarray(self.objective.alone(), dtype=np.float64), math.inf)
        alone = np.where(np.isnan(alone), math.inf, alone)
        first = int(alone.argmin())
        if alone[first] == math.inf:
            raise ValueError("the metric gives no member a number: look at what it makes of the predictions of one")
        self.weights = np.zeros(len(alone))
        self.weights[first] = 1
        self.objective.blend(self.weights)
        self.loss = float(alone[first])
        self.taken.append((first, 1.0, self.loss))
        self.over = self.options.max_rounds <= 1

    def _round(self) -> None:
        self.over = True
        used = set() if self.options.replacement else {member for member, _, _ in self.taken}
        free = [number for number, allowed in enumerate(self.options.allowed) if allowed and number not in used]
        if not free:
            return
        promised, member, share = self.objective.search(free, self.options.low, self.options.high)
        if not promised < self.loss or share == 0:
            return
        weights = self.weights * (1 - share)
        weights[member] += share
        loss = self.objective.blend(weights)
        if not loss < self.loss:
            self.objective.blend(self.weights)
            return
        poor = self.loss - loss < self.options.tolerance * abs(self.taken[0][2])
        self.poor_rounds = self.poor_rounds + 1 if poor else 0
        self.weights, self.loss = weights, loss
        self.taken.append((member, share, loss))
        self.over = self.poor_rounds >= self.options.patience or len(self.taken) >= self.options.max_rounds

    def _polish(self) -> None:
        """The objective's own last move, told as steps: one to each member whose weight it changed."""
        self.polished = True
        free = [number for number, allowed in enumerate(self.options.allowed) if allowed]
        better = self.objective.polish(self.weights, free) if self.options.replacement and self.loss else None
        shares = None if better is None else as_steps(self.weights, better, self.options.low)
        if shares is None or not ((shares >= self.options.low) & (shares <= self.options.high)).all():
            return
        moved = np.flatnonzero(shares)
        if len(self.taken) + len(moved) > self.options.max_rounds:
            return
        before = self.loss
        for member in moved.tolist():
            self.weights = self.weights * (1 - shares[member])
            self.weights[member] += shares[member]
            self.loss = self.objective.blend(self.weights)
            self.taken.append((member, float(shares[member]), self.loss))
        if before - self.loss > REOPENING * before and len(self.taken) < self.options.max_rounds:
            self.over = self.polished = False
            self.poor_rounds = 0


def as_steps(old: NDArray[np.float64], new: NDArray[np.float64], low: float) -> NDArray[np.float64]:
    """Shares of steps to all members in turn that lead from one blend to another.

    new = kept * old + rest, where rest sums to 1 - kept. kept = 1 suits bounds on both sides of zero; where no share
    may be negative, kept is as large as leaves no rest negative.
    """
    used = old > 0
    kept = min(1.0, max(0.0, float((new[used] / old[used]).min()))) if low == 0 else 1.0
    shares = np.zeros(len(old))
    later = 1.0  # the product of 1 - share over the steps after this one
    for member in reversed(range(len(old))):
        shares[member] = (new[member] - kept * old[member]) / later if later else math.inf
        later *= 1 - shares[member]
    return shares


def grid(step: float, low: float, high: float) -> NDArray[np.float64]:
    """Whole multiples of step in [low, high]; a little room, because 0.5 / 0.01 is not always 50."""
    multiples = np.arange(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    return multiples.astype(np.float64) * step


def coarse_to_fine(loss: Callable[[float], float], shares: NDArray[np.float64]) -> tuple[float, float]:
    """Least loss on a grid of shares, and its share: every eighth part first, then ever nearer to the best."""
    seen: dict[int, float] = {}

    def best() -> int:
        return min(seen, key=lambda place: (seen[place], abs(shares[place]), place))

    def visit(place: int) -> None:
        if 0 <= place < len(shares) and shares[place] != 0 and place not in seen:
            found = loss(float(shares[place]))
            seen[place] = math.inf if math.isnan(found) else found

    stride = 1
    while stride * 2 <= len(shares) // 8:
        stride *= 2
    for place in range(0, len(shares), stride):
        visit(place)
    while stride > 1 and seen:
        stride //= 2
        middle = best()
        visit(middle - stride)
        visit(middle + stride)
    return (seen[best()], float(shares[best()])) if seen else (math.inf, 0.0)
