"""A point of the space at the end of a path: one that was not tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ctk_mcts.decisions import Decision
from ctk_mcts.tree import Path


def path_of(decisions: Sequence[Decision], parameters: Mapping[str, Any]) -> Path:
    """The path that parameters lie on."""
    return tuple(decision.branch_of(parameters[decision.name]) for decision in decisions)


def draw(
    decisions: Sequence[Decision], path: Path, tried: Sequence[Mapping[str, Any]], random: np.random.Generator
) -> dict[str, Any]:
    """Parameters on a path, each choice with the same chance; of finitely many none that was ``tried`` there."""
    while True:
        drawn = {each.name: each.draw(branch, random) for each, branch in zip(decisions, path, strict=True)}
        if drawn not in tried:
            return drawn
