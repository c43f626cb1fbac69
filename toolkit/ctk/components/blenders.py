"""Blenders that need nothing but predictions."""

from __future__ import annotations

from collections.abc import Mapping

from ctk.blend import greedy_selection
from ctk.contract import Blend, Blender, Metric
from ctk.samples import Array, Samples


class Mean(Blender):
    """Equal weights. ``normalise`` scales each member's rows to length 1 first, so that no norm acts as a weight."""

    needs_oof = False

    def __init__(self, *, normalise: bool = False) -> None:
        self.normalise = normalise

    def fit(self, oof: Mapping[str, Array], samples: Samples, metric: Metric) -> Blend:
        """Nothing is learned; ``oof`` may be empty arrays."""
        return Blend({key: 1 / len(oof) for key in oof}, self.normalise)


class Greedy(Blender):
    """Greedy ensemble selection with replacement by the run's metric (see ``ctk.blend.greedy_selection``)."""

    def __init__(self, *, normalise: bool = True, max_rounds: int = 30) -> None:
        self.normalise = normalise
        self.max_rounds = max_rounds

    def fit(self, oof: Mapping[str, Array], samples: Samples, metric: Metric) -> Blend:
        """Climb on the out-of-fold predictions."""
        keys = list(oof)
        single = {key: Blend({key: 1.0}, self.normalise).apply(oof) for key in keys}
        climb = greedy_selection(
            [single[key] for key in keys],
            lambda blend: metric.sign * metric.score(blend, samples),
            max_rounds=self.max_rounds,
        )
        trace = [{"add": keys[s.member], "share": s.share, metric.name: metric.sign * s.score} for s in climb.trace]
        weights = dict(zip(keys, climb.weights.tolist(), strict=True))
        return Blend(weights, self.normalise, metric.sign * climb.score, trace)
