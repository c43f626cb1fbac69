"""Blenders that need nothing but predictions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np

from ctk.blend import greedy_selection
from ctk.contract import Blend, Blender, Metric, find_members
from ctk.errors import UsageError
from ctk.samples import Array, Samples


class Mean(Blender):
    """Weights without a search: equal, or given. Of text, the votes of members by their weights.

    normalise  scale each member's rows to length 1 first, so that no norm acts as a weight
    weights    taken as they are: of the members in the order of the config, or of the sources of ``ctk blend``; or by
               their names, {mlp/seed-1: 0.7, ridge: 0.3}, where members that are not named get none
    """

    needs_oof = False
    reads_text = True

    def __init__(self, *, normalise: bool = False, weights: list[float] | dict[str, float] | None = None) -> None:
        self.normalise = normalise
        self.weights = weights

    def fit(self, oof: Mapping[str, Array], samples: Samples, metric: Metric) -> Blend:
        """Give each member its weight; ``oof`` may be empty arrays. Raises UsageError where weights do not fit."""
        known = [np.asarray(each) for each in oof.values() if len(each)]
        text = known[0].dtype.kind == "U" if known else samples.predicts_text
        return Blend(self._weights(list(oof)), self.normalise and not text, how="vote" if text else "sum")

    def check(self, keys: Sequence[str], samples: Samples, metric: Metric) -> None:
        """Raise UsageError where the weights do not fit the members."""
        self._weights(keys)

    def _weights(self, keys: Sequence[str]) -> dict[str, float]:
        if isinstance(self.weights, dict):
            found = _by_name(self.weights, keys)
        else:
            weights = self.weights if self.weights is not None else [1 / len(keys)] * len(keys)
            if len(weights) != len(keys):
                problem = f"blend.weights: {len(weights)} weights for {len(keys)} members."
                raise UsageError(problem, f"Members: {_few(keys)}.")
            found = dict(zip(keys, weights, strict=True))
        if not all(map(math.isfinite, found.values())):
            problem = f"blend.weights: {list(found.values())} are not all finite."
            raise UsageError(problem, "Give a number for each member.")
        if not any(found.values()):
            raise UsageError("blend.weights: all of them are zero.", "Give at least one member a weight.")
        return found


def _by_name(weights: Mapping[str, float], keys: Sequence[str]) -> dict[str, float]:
    """Every member's weight; a name that means several gives it to each. Raises UsageError for one met twice."""
    named: dict[str, float] = {}
    for name, weight in weights.items():
        for key in find_members(name, keys, "blend.weights"):
            if key in named:
                raise UsageError(f"blend.weights: '{name}' and another name both mean {key}.", "Name each member once.")
            named[key] = weight
    return {key: named.get(key, 0.0) for key in keys}


class Vote(Blender):
    """Each member votes in each row: for its text, or for the choice or class that it has the highest score for.

    weights  of a member's vote: equal, or its score by the run's metric (where less is better, one over it)
    """

    needs_oof = False
    reads_text = True

    def __init__(self, *, weights: Literal["equal", "score"] = "equal") -> None:
        self.weights = weights

    def fit(self, oof: Mapping[str, Array], samples: Samples, metric: Metric) -> Blend:
        """Weigh the votes; equal ones look at no prediction. Raises UsageError where there is nothing to choose."""
        for key, values in oof.items():
            shape = np.shape(values)
            if len(values) and np.asarray(values).dtype.kind != "U" and (len(shape) != 2 or shape[1] < 2):
                raise _no_choice(f"{key} predicts an array of shape {shape}")
        if self.weights == "equal":
            return Blend(dict.fromkeys(oof, 1 / len(oof)), how="vote")
        if without := [key for key, values in oof.items() if not len(values)]:
            problem = f"blend.weights is score, and {without[0]} has no out-of-fold predictions to score."
            raise UsageError(problem, "Take weights: equal.")
        scores = {key: metric.score(values, samples) for key, values in oof.items()}
        raised = {key: max(score, 0.0) if metric.sign > 0 else 1 / max(score, 1e-12) for key, score in scores.items()}
        total = sum(raised.values())
        return Blend({key: each / total if total else 1 / len(oof) for key, each in raised.items()}, how="vote")

    def check(self, keys: Sequence[str], samples: Samples, metric: Metric) -> None:
        """Raise UsageError where the target is no text, class or choice."""
        target = samples.target
        if samples.gallery is not None or (
            target is not None and target.dtype.kind == "f" and samples.target_width == 1
        ):
            raise _no_choice("a target is one of a gallery's rows" if samples.gallery else "a target is one number")


def _no_choice(why: str) -> UsageError:
    return UsageError(f"The blender 'vote' takes votes for one of several choices, and {why}.", "Take mean.")


class Greedy(Blender):
    """Greedy ensemble selection with replacement by the run's metric (see ``ctk.blend.greedy_selection``).

    normalise   scale each member's rows to length 1 first; none: where they are compared with a gallery, for which
                directions alone matter
    max_rounds  how many members are added at most, counting one that is added again
    """

    def __init__(self, *, normalise: bool | None = None, max_rounds: int = 30) -> None:
        self.normalise = normalise
        self.max_rounds = max_rounds

    def fit(self, oof: Mapping[str, Array], samples: Samples, metric: Metric) -> Blend:
        """Climb on the out-of-fold predictions."""
        keys = list(oof)
        normalise = samples.gallery is not None if self.normalise is None else self.normalise
        climb = greedy_selection(
            scale_rows(oof, normalise),
            lambda blend: metric.sign * metric.score(blend, samples),
            max_rounds=self.max_rounds,
        )
        trace = [{"add": keys[s.member], "share": s.share, metric.name: metric.sign * s.score} for s in climb.trace]
        weights = dict(zip(keys, climb.weights.tolist(), strict=True))
        return Blend(weights, normalise, metric.sign * climb.score, trace)


def scale_rows(oof: Mapping[str, Array], normalise: bool) -> list[Array]:
    """Each member's predictions as the blend will see them; copies only where their length is changed."""
    return [Blend({key: 1.0}, normalise).apply(oof) if normalise else np.asarray(values) for key, values in oof.items()]


def _few(keys: Iterable[str], shown: int = 8) -> str:
    """Keys in their order, the first of them where there are many."""
    names = list(keys)
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")
