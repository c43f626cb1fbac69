"""Nelder and Mead's simplex, for objectives written in Python: what csrc/blend/simplex.h does for those in C++."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctk.blend.climb import Climb, Objective, Options, RunningClimb

Floats = NDArray[np.float64]

WIDEST, NARROWING = 0.5, 0.2
"""Of the first simplex, and of each after it."""
TOLERANCE = 1e-10
"""Of ``nelder_mead``, and of the simplex that looks on after a climb: so the climb is no worse."""
SMALLEST = 1e-7
"""A simplex so small has ended, whatever its losses."""


@dataclass(frozen=True, kw_only=True)
class SimplexOptions:
    """What a simplex may do.

    tolerance        of the loss: a simplex that spans less has ended, a start that gains less is the last
    max_evaluations  blends that are scored
    """

    tolerance: float
    max_evaluations: int


def begin(objective: Objective, options: Options | SimplexOptions) -> RunningClimb:
    """Begin the search that the options are of."""
    return Simplex(objective, options) if isinstance(options, SimplexOptions) else Climb(objective, options)


class Simplex:
    """A search over an objective written in Python; vertices (M, M) are weights that sum to one, best first.

    Of each start so far: ``members`` are the evaluations by its end, ``shares`` its width, ``losses`` the loss.
    """

    def __init__(self, objective: Objective, options: SimplexOptions) -> None:
        self.objective, self.options = objective, options
        self.count = len(np.asarray(objective.alone()))
        self.weights = np.full(self.count, 1 / self.count)
        self.loss, self.width, self.evaluations, self.over = math.inf, WIDEST, 0, False
        self.ends: list[tuple[int, float, float]] = []
        # Gao and Han 2012: in many dimensions milder steps, or simplices go flat; in two these are Nelder and Mead's
        dimensions = max(2, self.count - 1)
        self.expansion = 1 + 2 / dimensions
        self.contraction = 0.75 - 1 / (2 * dimensions)
        self.shrinkage = 1 - 1 / dimensions

    @property
    def members(self) -> NDArray[np.int64]:
        return np.array([evaluations for evaluations, _, _ in self.ends], dtype=np.int64)

    @property
    def shares(self) -> Floats:
        return np.array([width for _, width, _ in self.ends])

    @property
    def losses(self) -> Floats:
        return np.array([loss for _, _, loss in self.ends])

    def advance(self, seconds: float) -> bool:
        end = time.perf_counter() + seconds
        if not self.evaluations:
            self._evaluate(self.weights)
            if self.count == 1:
                self._record()
                self.over = True
                return True
            self._start()
        while not self.over and time.perf_counter() < end:
            if self._ended():
                self._restart()
            else:
                self._move()
        return self.over

    def at(self, weights: Any) -> float:
        return self.objective.blend(np.asarray(weights))

    def _evaluate(self, at: Floats) -> float:
        self.evaluations += 1
        weights = np.maximum(at, 0)
        weights /= weights.sum()
        loss = self.objective.blend(weights)
        if loss < self.loss:
            self.loss, self.weights = loss, weights
        return math.inf if math.isnan(loss) else loss

    def _start(self) -> None:
        self.start_loss = self.loss
        self.vertices = (1 - self.width) * self.weights + self.width * np.eye(self.count)
        self.values = np.array([self._evaluate(each) for each in self.vertices])
        self._order()

    def _ended(self) -> bool:
        if self.evaluations >= self.options.max_evaluations:
            return True
        best, worst = self.values[0], self.values[-1]
        if worst - best <= self.options.tolerance * abs(best):
            return True
        return bool(np.abs(self.vertices - self.vertices[0]).max() <= SMALLEST)

    def _record(self) -> None:
        self.ends.append((self.evaluations, self.width, self.loss))

    def _restart(self) -> None:
        self._record()
        gained = self.start_loss - self.loss > self.options.tolerance * abs(self.loss)
        if (not gained and len(self.ends) > 1) or self.evaluations >= self.options.max_evaluations:
            self.over = True
            return
        self.width *= NARROWING
        self._start()

    def _move(self) -> None:
        centre = self.vertices[:-1].mean(axis=0)
        away = centre - self.vertices[-1]
        worst = float(self.values[-1])
        reflected = centre + away
        loss = self._evaluate(reflected)
        if loss < self.values[0]:
            expanded = centre + self.expansion * away
            further = self._evaluate(expanded)
            self._replace(*((further, expanded) if further < loss else (loss, reflected)))
        elif loss < self.values[-2]:
            self._replace(loss, reflected)
        else:
            outside = loss < worst
            contracted = centre + (self.contraction if outside else -self.contraction) * away
            nearer = self._evaluate(contracted)
            if nearer < (loss if outside else worst):
                self._replace(nearer, contracted)
            else:
                self.vertices[1:] = self.vertices[0] + self.shrinkage * (self.vertices[1:] - self.vertices[0])
                self.values[1:] = [self._evaluate(each) for each in self.vertices[1:]]
                self._order()

    def _replace(self, loss: float, vertex: Floats) -> None:
        place = int(np.searchsorted(self.values[:-1], loss, side="right"))
        self.values = np.insert(self.values[:-1], place, loss)
        self.vertices = np.insert(self.vertices[:-1], place, vertex, axis=0)

    def _order(self) -> None:
        order = np.argsort(self.values, kind="stable")
        self.values, self.vertices = self.values[order], self.vertices[order]
