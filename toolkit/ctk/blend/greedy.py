"""Greedy selection of members by equal votes, for any metric, in plain numpy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctk.blend.members import members_of
from ctk.blend.result import BlendResult, Step
from ctk.blend.scores import to_score
from ctk.merit import merit


def greedy_selection(
    predictions: Sequence[Any] | Any,
    metric: Callable[[NDArray[Any]], float],
    *,
    shares: Sequence[float] | NDArray[Any] | None = None,
    replacement: bool = True,
    max_rounds: int = 50,
    tolerance: float = 1e-6,
) -> BlendResult:
    """Start from the best member; each round mixes in the member and share that raise the metric most.

    predictions  M arrays (or tensors on the CPU) of one shape (N, ...)
    metric       score of a blend of that shape, higher is better; negate an error. A blend scored NaN is never taken
    shares       the shares to try for a new member. None: 1 / (round + 1), which is greedy ensemble selection with
                 equal votes (Caruana et al. 2004, "Ensemble selection from libraries of models").
    replacement  whether a member may be taken again
    tolerance    a round that gains no more than this ends the climb
    returns      BlendResult with weights (M,); ties go to the first member and the first share
    raises       ValueError without members, if no member has a finite score, or if the metric returns no number
    """
    given, names = members_of(predictions)
    members = [np.asarray(member) for member in given]
    if not members:
        raise ValueError("there is nothing to blend: give at least one member's predictions")
    name = getattr(metric, "__name__", type(metric).__name__)
    tried = [] if shares is None else np.ravel(shares).tolist()
    try:
        alone = [to_score(metric(member), name) for member in members]
    except Exception as error:
        if getattr(predictions, "ndim", 0) == 2 and 0 < members[0].size < len(members):
            turned = f"{len(members):,} rows came as members: members are first, (M, N)"
            raise ValueError(f"the metric {name} failed on member 0 ({error}); {turned}") from error
        raise
    finite = [number for number, score in enumerate(alone) if math.isfinite(score)]
    if not finite:
        raise ValueError("no member has a finite score: look for NaN in the predictions")
    first = max(finite, key=alone.__getitem__)
    blend, score = members[first], alone[first]
    weights = np.zeros(len(members))
    weights[first] = 1.0
    trace = [Step(first, 1.0, score)]
    for number in range(1, max_rounds):
        tries: list[tuple[float, int, float]] = []
        for member, prediction in enumerate(members):
            if not replacement and weights[member]:
                continue
            for share in tried or [1 / (number + 1)]:
                tries.append((to_score(metric(blend + share * (prediction - blend)), name), member, share))
        gained, member, share = max(tries, key=lambda each: merit(each[0]), default=(score, 0, 0.0))
        if not gained > score + tolerance:
            break
        blend, score = blend + share * (members[member] - blend), gained
        weights *= 1 - share
        weights[member] += share
        trace.append(Step(member, share, score))
    return BlendResult(weights, score, tuple(trace), names=names)
