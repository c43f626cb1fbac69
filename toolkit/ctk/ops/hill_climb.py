"""Greedy climbing to a good weighted mean of members, for any metric, in plain torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Step:
    """One step of a climb: the member that was added, its share of the new blend, the score after."""

    member: int
    share: float
    score: float


@dataclass(frozen=True)
class Climb:
    """Weights (M,) that sum to 1, the score they reach, and each step on the way."""

    weights: tuple[float, ...]
    score: float
    trace: tuple[Step, ...]


def hill_climb(
    predictions: Sequence[Tensor] | Tensor,
    metric: Callable[[Tensor], float],
    *,
    shares: Sequence[float] | None = None,
    replacement: bool = True,
    max_rounds: int = 50,
    tolerance: float = 1e-6,
) -> Climb:
    """Start from the best member; each round mixes in the member and share that raise the metric most.

    predictions  M tensors of one shape (N, ...)
    metric       score of a blend of that shape, higher is better; negate an error
    shares       the shares to try for a new member. None: 1 / (round + 1), which is greedy ensemble selection with
                 equal votes (Caruana et al. 2004, "Ensemble selection from libraries of models").
    replacement  whether a member may be taken again
    tolerance    a round that gains no more than this ends the climb
    returns      Climb; ties go to the first member and the first share
    raises       ValueError without members, or if no member has a finite score
    """
    members = list(predictions)
    if not members:
        raise ValueError("there is nothing to blend")
    alone = [metric(member) for member in members]
    finite = [number for number, score in enumerate(alone) if score == score]
    if not finite:
        raise ValueError("no member has a finite score")
    first = max(finite, key=lambda number: alone[number])
    blend, score = members[first], alone[first]
    weights = [0.0] * len(members)
    weights[first] = 1.0
    trace = [Step(first, 1.0, score)]
    for number in range(1, max_rounds):
        tries: list[tuple[float, int, float]] = []
        for member, prediction in enumerate(members):
            if not replacement and weights[member]:
                continue
            for share in shares or [1 / (number + 1)]:
                tries.append((metric(torch.lerp(blend, prediction, share)), member, share))
        gained, member, share = max(tries, key=lambda each: each[0], default=(score, 0, 0.0))
        if not gained > score + tolerance:
            break
        blend, score = torch.lerp(blend, members[member], share), gained
        weights = [weight * (1 - share) for weight in weights]
        weights[member] += share
        trace.append(Step(member, share, score))
    return Climb(tuple(weights), score, tuple(trace))
