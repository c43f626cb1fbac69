"""The search as data: decisions, the tree with visits and values, and what each trial was for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from optuna.study import Study
from optuna.trial import FrozenTrial

from ctk_mcts.decisions import Decision
from ctk_mcts.leaves import PROMOTES, Leaf, score_of, share_of
from ctk_mcts.points import path_of
from ctk_mcts.tree import Node, Path, Tree

ProbeResult = tuple[Path | None, float | None]
"""Where a trial's leaf lies, and its reward."""


def search_history(
    decisions: Sequence[Decision], tree: Tree, leaves: Sequence[Leaf], rewards: Sequence[float | None], study: Study
) -> dict[str, Any]:
    """What ``search_history.json`` holds, of plain values.

    decisions  the levels: name and branches, each a value or ``[from, to]``
    nodes      each node that was visited, parents first: ``path`` (numbers of branches), visits, running, value (the
               mean reward below it) and best
    trials     number, state, path, share of epochs, the probe that it promotes, score, reward of its leaf
    """
    labels = [{"name": each.name, "branches": [each.label(b) for b in range(each.branches)]} for each in decisions]
    found: dict[int, ProbeResult] = {}
    for leaf, reward in zip(leaves, rewards, strict=True):
        path = path_of(decisions, leaf.parameters)
        found |= dict.fromkeys(leaf.trials.values(), (path, reward))
    trials = study.get_trials(deepcopy=False)
    return {
        "direction": study.direction.name.lower(),
        "decisions": labels,
        "nodes": list(_nodes(tree.root, ())),
        "trials": [_trial(trial, found.get(trial.number, (None, None)), study) for trial in trials],
    }


def _nodes(node: Node, path: Path) -> Iterator[dict[str, Any]]:
    yield {
        "path": list(path),
        "visits": node.visits,
        "running": node.running,
        "value": node.value("mean") if node.visits else None,
        "best": node.best if node.visits else None,
    }
    for branch, child in sorted(node.children.items()):
        yield from _nodes(child, (*path, branch))


def _trial(trial: FrozenTrial, found: ProbeResult, study: Study) -> dict[str, Any]:
    path, reward = found
    score = score_of(trial, study.direction)
    return {
        "number": trial.number,
        "state": trial.state.name.lower(),
        "path": None if path is None else list(path),
        "share": share_of(trial),
        "promotes": trial.user_attrs.get(PROMOTES),
        "score": score * (1 if study.direction.name == "MAXIMIZE" else -1) if math.isfinite(score) else None,
        "reward": reward,
    }
