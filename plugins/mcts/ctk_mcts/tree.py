"""The tree: nodes with visits and rewards, and the choice of a path through them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Literal

import numpy as np

from ctk_mcts.decisions import Decision

Backup = Literal["mean", "max"]
Path = tuple[int, ...]
UNKNOWN = 0.5
"""The reward that is expected of what nothing is known about: rewards are ranks."""


@dataclass
class Statistics:
    """What is known of a branch.

    visits   leaves below it that have ended
    running  leaves below it that are on their way: visits whose rewards are not known yet
    """

    visits: int = 0
    running: int = 0
    total: float = 0.0
    best: float = 0.0

    def add(self, reward: float | None) -> None:
        """A leaf, with None where it is on its way."""
        if reward is None:
            self.running += 1
            return
        self.visits += 1
        self.total += reward
        self.best = max(self.best, reward)

    @property
    def tries(self) -> int:
        """Visits, those under way too."""
        return self.visits + self.running

    def value(self, backup: Backup) -> float:
        """The mean reward of the leaves below, or the best."""
        if not self.visits:
            return UNKNOWN
        return self.best if backup == "max" else self.total / self.visits


@dataclass
class Node(Statistics):
    """A partial assignment: decisions down to this level. ``tries`` of a finite subtree is how much of it is known."""

    children: dict[int, Node] = field(default_factory=dict)


class Tree:
    """Paths that were tried, and their rewards.

    exploration  c of UCT
    rave         how many visits of a node weigh as much as what all others know of the same branch; 0 for plain UCT
    """

    def __init__(self, decisions: Sequence[Decision], exploration: float, rave: float, backup: Backup) -> None:
        self.decisions = decisions
        self.exploration = exploration
        self.rave = rave
        self.backup: Backup = backup
        self.root = Node()
        self.branches = [[Statistics() for _ in range(decision.branches)] for decision in decisions]
        sizes = [sum(map(decision.points, range(decision.branches))) for decision in decisions]
        self.below = [*list(accumulate(reversed(sizes), lambda a, b: a * b))[::-1], 1.0]

    def fill(self, leaves: Iterable[tuple[Path, float | None]]) -> None:
        """Add leaves by path and reward, None of those on their way."""
        for path, reward in leaves:
            node = self.root
            node.add(reward)
            for branches, branch in zip(self.branches, path, strict=True):
                node = node.children.setdefault(branch, Node())
                node.add(reward)
                branches[branch].add(reward)

    @property
    def closed(self) -> bool:
        """Whether every point of the space was tried."""
        return bool(self.root.tries >= self.below[0])

    def descend(self, random: np.random.Generator) -> Path:
        """The path to try next: at each level the branch of the largest bound, ties in random order.

        Branches below which every point was tried are closed. The tree must not be.
        """
        path: list[int] = []
        node, points = self.root, 1.0
        for level, decision in enumerate(self.decisions):
            bounds = {}
            for branch in random.permutation(decision.branches).tolist():
                child = node.children.get(branch) or Node()
                if child.tries < points * decision.points(branch) * self.below[level + 1]:
                    bounds[branch] = self._bound(node, child, self.branches[level][branch])
            chosen = max(bounds, key=bounds.__getitem__)  # the first of equals, and their order is random
            path.append(chosen)
            points *= decision.points(chosen)
            node = node.children.get(chosen) or Node()
        return tuple(path)

    def _bound(self, parent: Node, child: Node, anywhere: Statistics) -> float:
        """UCT's upper bound of what a branch is worth (Kocsis and Szepesvári 2006), unvisited branches first.

        Visits under way count as visits of unknown reward (Liu et al. 2020, arXiv:1810.11755), so that workers side by
        side spread. With ``rave`` a branch is also judged by all leaves that took it, whatever else they chose, the
        less the more it was visited here (all moves as first, with the hand-selected schedule; Gelly and Silver 2011,
        doi:10.1016/j.artint.2011.03.007): what a learning rate is worth depends little on what is decided later. A
        branch that was taken elsewhere is then not unvisited, and a path below the known tree goes by such knowledge.
        """
        value, tries, total = child.value(self.backup), child.tries, parent.tries
        if self.rave:
            weight = math.sqrt(self.rave / (3 * child.visits + self.rave))
            value = (1 - weight) * value + weight * anywhere.value("mean")
            if not parent.tries:
                tries, total = anywhere.tries, self.root.tries
            if anywhere.tries:
                tries += 1
        if not tries:
            return math.inf
        return value + self.exploration * math.sqrt(math.log(total + 1) / tries)
