"""Short runs first, the best of them in full: successive halving with two rungs, without waiting."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ctk_mcts.leaves import Leaf


def due(leaves: Sequence[Leaf], share: float, every: int) -> bool:
    """Whether a probe is to be run in full next: one after each ``every`` that have ended well.

    Of k probes the best k / every are then run in full, as in a rung of successive halving (Jamieson and Talwalkar
    2016, arXiv:1502.07943), decided as results come in (ASHA: Li et al. 2020, arXiv:1810.05934), except that a run is
    never spent because an earlier choice has been overtaken.
    """
    probes = [leaf for leaf in leaves if _ended_well(leaf, share)]
    return sum(leaf.in_full for leaf in probes) < len(probes) // every


def best(leaves: Sequence[Leaf], share: float) -> Leaf | None:
    """The best probe that is not yet run in full. One that was pruned was found hopeless."""
    waiting = [leaf for leaf in leaves if _ended_well(leaf, share) and not leaf.in_full and not leaf.pruned]
    return max(waiting, key=lambda leaf: leaf.scores[share], default=None)


def _ended_well(leaf: Leaf, share: float) -> bool:
    return math.isfinite(leaf.scores.get(share, math.nan))
