"""A plugin's metric inside its guard."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ctk.contract import Metric
from ctk.plugins.guard.arrays import number
from ctk.plugins.guard.guard import Guard, Wrong
from ctk.samples import Array, Samples


@dataclass(frozen=True)
class GuardedMetric(Metric):
    """A metric whose score is one number whoever asks for it, and whose errors name its plugin."""

    guard: Guard | None = None

    def decide(self, prediction: Array, samples: Samples) -> float:
        """The score of finite predictions. Raises PluginError where it is not finite, and says if the target is not."""
        score = self.score(prediction, samples)
        if not math.isfinite(score):
            target = samples.target
            lacks = target is not None and target.dtype.kind == "f" and not np.isfinite(target).all()
            help = "The target of these samples has numbers that are not finite." if lacks else ""
            assert self.guard is not None
            with self.guard("scoring"):
                raise Wrong(f"scored finite predictions with {score}", help)
        return score


def metric_of(name: str) -> GuardedMetric:
    """A metric by name. Raises PluginError where it is none."""
    guard = Guard("metrics", name)
    metric = guard.load()
    with guard("being looked at"):
        if not isinstance(metric, Metric):
            raise Wrong(f"is a {type(metric).__name__}, and an instance of ctk.contract.Metric is needed")
        if metric.direction not in ("max", "min"):
            raise Wrong(f"has the direction {metric.direction!r}, and 'max' or 'min' is needed")
    scoring, telling = guard("scoring"), guard("telling which columns members decide")

    def score(prediction: Array, samples: Samples) -> float:
        with scoring:
            return number(metric.score(prediction, samples), "scored")

    def columns(samples: Samples) -> Array:
        assert metric.columns is not None
        with telling:
            decided: Array = np.asarray(metric.columns(samples))
            if decided.dtype != bool or decided.shape != (samples.target_width,):
                wanted = f"bool ({samples.target_width},) is needed"
                raise Wrong(f"told columns by an array of {decided.dtype} {decided.shape}, and {wanted}")
            return decided

    own = {**vars(metric), "score": score, "columns": None if metric.columns is None else columns}
    return GuardedMetric(**own, guard=guard)
