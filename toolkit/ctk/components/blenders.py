"""Blenders that need nothing but predictions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from ctk.blend import greedy_selection
from ctk.blend.probabilities import are_probabilities
from ctk.blend.scores import find_metric
from ctk.contract import Blend, Blender, Metric
from ctk.errors import UsageError
from ctk.samples import Array, Samples


class Mean(Blender):
    """Weights without a search: equal, or given.

    normalise  scale each member's rows to length 1 first, so that no norm acts as a weight
    weights    of the members in the order of the config, or of the sources of ``ctk blend``, taken as they are
    """

    needs_oof = False

    def __init__(self, *, normalise: bool = False, weights: list[float] | None = None) -> None:
        self.normalise = normalise
        self.weights = weights

    def fit(self, oof: Mapping[str, Array], samples: Samples, metric: Metric) -> Blend:
        """Give each member its weight; ``oof`` may be empty arrays. Raises UsageError where weights do not fit."""
        weights = self.weights if self.weights is not None else [1 / len(oof)] * len(oof)
        if len(weights) != len(oof):
            raise UsageError(f"blend.weights: {len(weights)} weights for {len(oof)} members.", f"Members: {_few(oof)}.")
        if not np.isfinite(weights).all():
            raise UsageError(f"blend.weights: {weights} are not all finite.", "Give a number for each member.")
        if not any(weights):
            raise UsageError("blend.weights: all of them are zero.", "Give at least one member a weight.")
        return Blend(dict(zip(oof, weights, strict=True)), self.normalise)


class Greedy(Blender):
    """Greedy ensemble selection with replacement by the run's metric (see ``ctk.blend.greedy_selection``).

    normalise   scale each member's rows to length 1 first; none: unless the metric's predictions are probabilities
    max_rounds  how many members are added at most, counting one that is added again
    """

    def __init__(self, *, normalise: bool | None = None, max_rounds: int = 30) -> None:
        self.normalise = normalise
        self.max_rounds = max_rounds

    def fit(self, oof: Mapping[str, Array], samples: Samples, metric: Metric) -> Blend:
        """Climb on the out-of-fold predictions."""
        keys = list(oof)
        normalise = not keep_probabilities(metric, oof) if self.normalise is None else self.normalise
        climb = greedy_selection(
            scale_rows(oof, normalise),
            lambda blend: metric.sign * metric.score(blend, samples),
            max_rounds=self.max_rounds,
        )
        trace = [{"add": keys[s.member], "share": s.share, metric.name: metric.sign * s.score} for s in climb.trace]
        weights = dict(zip(keys, climb.weights.tolist(), strict=True))
        return Blend(weights, normalise, metric.sign * climb.score, trace)


def keep_probabilities(metric: Metric, oof: Mapping[str, Array]) -> bool:
    """Whether members predict probabilities, which their blend is to remain."""
    if metric.predicts is not None or metric.climb is None:
        return metric.predicts == "probabilities"
    return are_probabilities(find_metric(metric.climb), oof.values())


def scale_rows(oof: Mapping[str, Array], normalise: bool) -> list[Array]:
    """Each member's predictions as the blend will see them; copies only where their length is changed."""
    return [Blend({key: 1.0}, normalise).apply(oof) if normalise else np.asarray(values) for key, values in oof.items()]


def _few(keys: Iterable[str], shown: int = 8) -> str:
    """Keys in their order, the first of them where there are many."""
    names = list(keys)
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")
