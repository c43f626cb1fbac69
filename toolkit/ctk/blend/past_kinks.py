"""Where a climb has ended a simplex looks on: at a sum's kinks no single step may gain though a joint one does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ctk.blend.climb import Options, RunningClimb, as_steps
from ctk.blend.search import run_search
from ctk.blend.simplex import TOLERANCE, SimplexOptions

Steps = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]

PARTS = (1, 2, 4, 8, 16)
"""Into how many equal moves the way is cut, until the shares of each lie in the bounds."""


def past_kinks(
    start: Callable[[Options | SimplexOptions], RunningClimb], climb: RunningClimb, options: Options
) -> tuple[NDArray[np.float64], Steps | None]:
    """Weights (M,) that are the simplex's where these are better, with the climb's steps that lead there.

    The steps are (members, shares, losses); none where the climb's own weights stay, for want of a gain, of rounds, or
    of a way whose shares lie in the bounds.
    """
    simplex = start(SimplexOptions(tolerance=TOLERANCE, max_evaluations=100_000))
    run_search(simplex, None)
    old, new = climb.weights, simplex.weights
    if not simplex.at(new) < simplex.at(old):
        return old, None
    for parts in PARTS:
        members: list[int] = []
        shares: list[float] = []
        losses: list[float] = []
        at = old
        for part in range(1, parts + 1):
            moves = as_steps(at, old + (new - old) * (part / parts), options.low)
            if not ((moves >= options.low) & (moves <= options.high)).all():
                break
            for member in np.flatnonzero(moves).tolist():
                at = at * (1 - moves[member])
                at[member] += moves[member]
                members.append(member)
                shares.append(float(moves[member]))
                losses.append(simplex.at(at))
        else:
            if len(climb.members) + len(members) > options.max_rounds or not losses[-1] < simplex.at(old):
                break
            return at, (np.array(members), np.array(shares), np.array(losses))
    return old, None
