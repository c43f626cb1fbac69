"""Climbs by mean reciprocal rank that walk over the same score tiles together."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ctk.blend.result import Step
from ctk.blend.score_tiles import ScoreTiles
from ctk.ops.share_counts import share_counts

ONE = 1 << 36
"""Reciprocal ranks are added as whole multiples of 2^-36, so that no order of adding decides which candidate wins."""


class RankClimb:
    """One climb: greedy selection (Caruana et al. 2004) of the member and the share that raise the score most.

    queries  how many; sample (Q,) int64 says how often each counts, None is once
    """

    def __init__(self, members: int, queries: int, sample: Tensor | None) -> None:
        self.weights = np.zeros(members)
        self.best_weights = self.weights
        self.best_score = -1.0
        self.over = False
        self.sample = sample
        self._queries = queries
        self._steps: list[Step] = []
        self._best_length = self._rounds_without_gain = 0

    @property
    def trace(self) -> tuple[Step, ...]:
        """The steps to the best blend."""
        return tuple(self._steps[: self._best_length])

    def advance(
        self, totals: NDArray[np.int64], shares: Sequence[float], replacement: bool, patience: int
    ) -> Step | None:
        """Take the best candidate by its summed reciprocal ranks (M, K). None where there is none: the climb ends."""
        allowed = np.ones(totals.shape, dtype=bool)
        allowed[:, [share == 0 for share in shares]] = False
        if not replacement:
            allowed[[step.member for step in self._steps]] = False
        if not allowed.any():
            self.over = True
            return None
        member, place = map(int, np.unravel_index(np.where(allowed, totals, -1).argmax(), totals.shape))
        score = int(totals[member, place]) / ONE / self._queries
        gains = score > self.best_score
        self._rounds_without_gain = 0 if gains else self._rounds_without_gain + 1
        self.over = self._rounds_without_gain >= patience
        self.weights = self.weights * (1 - shares[place])
        self.weights[member] += shares[place]
        self._steps.append(Step(member, float(shares[place]), score))
        if gains:
            self.best_weights, self.best_score, self._best_length = self.weights, score, len(self._steps)
        return self._steps[-1]


def climb_together(
    climbs: Sequence[RankClimb],
    tiles: ScoreTiles,
    shares: Sequence[float],
    *,
    cutoff: int | None,
    replacement: bool,
    max_rounds: int,
    patience: int,
    deadline: float,
    progress: Callable[[Step], None] | None,
) -> None:
    """Run climbs to their end, or until time.monotonic() has passed the deadline; each tile serves all of them."""
    for number in range(max_rounds):
        running = [climb for climb in climbs if not climb.over]
        # Of a blend that is nothing yet, a whole share is the member alone.
        tried = shares if number else [1.0]
        totals = _totals(running, tiles, tried, cutoff, deadline if number else float("inf"))
        if totals is None:
            return
        for climb, total in zip(running, totals, strict=True):
            step = climb.advance(total, tried, replacement, patience)
            if progress is not None and step is not None:
                progress(step)
        if all(climb.over for climb in climbs):
            return


def _totals(
    climbs: Sequence[RankClimb], tiles: ScoreTiles, shares: Sequence[float], cutoff: int | None, deadline: float
) -> list[NDArray[np.int64]] | None:
    """Summed reciprocal ranks (M, K) of each climb's candidates; None if time runs out."""
    grid = torch.tensor(shares, dtype=torch.float32, device=tiles.device)
    weights = [torch.tensor(climb.weights, dtype=torch.float32, device=tiles.device) for climb in climbs]
    totals = [torch.zeros((len(each), len(grid)), dtype=torch.int64, device=tiles.device) for each in weights]
    for rows, targets, parts in tiles:
        counts: list[Tensor | int] = [0] * len(climbs)
        for scores in parts:
            if time.monotonic() > deadline:
                return None
            for number, weight in enumerate(weights):
                counts[number] += share_counts(scores, targets, weight, grid)
        for climb, count, total in zip(climbs, counts, totals, strict=True):
            assert isinstance(count, Tensor)
            reciprocal = (2.0 * ONE / (count + 2).double()).long()  # mean rank = 1 + count / 2
            if cutoff is not None:
                reciprocal[count > 2 * cutoff - 2] = 0
            if climb.sample is not None:
                reciprocal *= climb.sample[rows, None]
            total += reciprocal.sum(1)
    return [total.cpu().numpy() for total in totals]
