"""A point of the space at the end of a path: one that was not tried."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ctk_mcts.decisions import Decision
from ctk_mcts.tree import Path


def path_of(decisions: Sequence[Decision], parameters: Mapping[str, Any]) -> Path:
    """The path that parameters lie on."""
    return tuple(decision.branch_of(parameters[decision.name]) for decision in decisions)


def draw(
    decisions: Sequence[Decision], path: Path, tried: Iterable[Mapping[str, Any]], random: np.random.Generator
) -> dict[str, Any]:
    """Parameters on a path, each choice with the same chance; of finitely many none that was ``tried`` there."""
    sizes = [decision.points(branch) for decision, branch in zip(decisions, path, strict=True)]
    if math.inf in sizes:
        return {each.name: each.draw(branch, random) for each, branch in zip(decisions, path, strict=True)}
    known = sorted({_number(decisions, path, parameters) for parameters in tried})
    number = int(random.integers(int(math.prod(sizes)) - len(known)))
    for each in known:  # the numbers of untried points, without a list of all
        number += each <= number
    parameters = {}
    for decision, branch, size in reversed(list(zip(decisions, path, sizes, strict=True))):
        number, within = divmod(number, int(size))
        parameters[decision.name] = decision.value(branch, within)
    return {decision.name: parameters[decision.name] for decision in decisions}


def _number(decisions: Sequence[Decision], path: Path, parameters: Mapping[str, Any]) -> int:
    """The number of a point among those on its path: the last parameter turns fastest."""
    number = 0
    for decision, branch in zip(decisions, path, strict=True):
        number = number * int(decision.points(branch)) + decision.within(branch, parameters[decision.name])
    return number
