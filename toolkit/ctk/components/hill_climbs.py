"""Blenders that climb: by any metric on predictions, or by mean reciprocal rank on embeddings."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from ctk.blend import Step, hill_climb
from ctk.components.blenders import scale_rows
from ctk.components.column_groups import ColumnGroups
from ctk.components.search_inputs import decided_weights, search_inputs
from ctk.contract import Blend, Blender, Metric
from ctk.errors import UsageError
from ctk.samples import Array, Samples

Count = Annotated[int, Field(ge=1)]

Grid = Annotated[float, Field(ge=2e-3, le=1)]

EVERY = 5.0
"""Seconds between two lines about a climb."""


class HillClimb(Blender):
    """Hill climbing by the run's metric, on predictions as arrays (see ``ctk.blend.hill_climb``).

    weights      one a "model"; or a model's own for each "group" of target columns, or each "column". More weights
                 learn more of chance: a column's own want some thousand rows (bench/blend_weights.py)
    normalise    scale each member's rows to length 1 first
    low, high    the shares that a step may mix in a member with; below zero takes some of it out. A low of none is
                 -0.5, and 0 where predictions are probabilities, which their blend then is as well
    step         grid of shares; a metric that ``ctk.blend`` knows by name has exact ones
    replacement  whether a member may be taken again
    max_rounds   steps at most, the first included
    bags         climbs to average, each among half of the members, where there are many
    """

    def __init__(
        self,
        *,
        weights: Literal["model", "group", "column"] = "model",
        normalise: bool = False,
        low: Annotated[float, Field(ge=-1, le=0)] | None = None,
        high: Annotated[float, Field(ge=2e-3, le=1)] = 0.5,
        step: Grid = 0.01,
        replacement: bool = True,
        max_rounds: Count = 100,
        bags: Count = 1,
    ) -> None:
        self.weights = weights
        self.normalise = normalise
        self.low, self.high = low, high
        self.options: dict[str, Any] = {
            "step": step,
            "replacement": replacement,
            "max_rounds": max_rounds,
            "bags": bags,
        }

    def check(self, keys: Sequence[str], samples: Samples, metric: Metric) -> None:
        """Raise UsageError where columns cannot have weights of their own."""
        self._columns(samples, metric)

    def fit(self, oof: Mapping[str, Array], samples: Samples, metric: Metric) -> Blend:
        """Climb on the out-of-fold predictions; the blend's score is the run's own metric.

        Raises UsageError as ``check`` does.
        """
        columns = self._columns(samples, metric)
        low = 0.0 if self.low is None and metric.predicts == "probabilities" else self.low
        climb = hill_climb(
            **search_inputs(oof, samples, metric, self.normalise),
            bounds=(low, self.high),
            columns=None if columns is None else columns.group_of_column.tolist(),
            progress=_log_steps(self.say, list(oof), metric.climb or metric.name),
            **self.options,
        )
        keys, score = list(oof), metric.climb or metric.name
        if columns is None:
            weights = dict(zip(oof, climb.weights.tolist(), strict=True))
            blend = Blend(weights, self.normalise, None, _trace_rows(climb.trace, keys, score))
        else:
            decided = None if metric.columns is None else decided_weights(metric.columns(samples))
            blend = columns.blend(keys, climb, self.normalise, decided, score)
        return replace(blend, score=metric.score(blend.apply(oof), samples))

    def _columns(self, samples: Samples, metric: Metric) -> ColumnGroups | None:
        if self.weights == "model":
            return None
        if samples.targets is None or (samples.target is not None and samples.target.ndim > 2):
            raise UsageError(
                f"blend.weights is {self.weights}, and the columns of these samples' target have no names.",
                "Take weights: model.",
            )
        if metric.climb is None:
            raise UsageError(
                f"blend.weights is {self.weights}, and the metric {metric.name} is of all columns together.",
                "Take weights: model.",
            )
        return ColumnGroups.of(samples.targets, self.weights)


class HillClimbRetrieval(Blender):
    """Hill climbing by mean reciprocal rank over the whole gallery (see ``ctk.blend.hill_climb_retrieval``).

    normalise    scale each member's rows to length 1 first, so that no norm acts as a weight
    similarity   "cosine" scales the gallery's rows to length 1 as well, "dot" leaves them
    low, high    the shares that a step may mix in a member with; below zero takes some of it out
    step         grid of shares
    replacement  whether a member may be taken again
    max_rounds   steps at most, the first included
    bags         climbs to average, each on a bootstrap sample of the queries
    cutoff       a rank beyond it counts 0; none counts all
    """

    def __init__(
        self,
        *,
        normalise: bool = True,
        similarity: Literal["cosine", "dot"] = "cosine",
        low: Annotated[float, Field(ge=-1, le=0)] = -0.5,
        high: Annotated[float, Field(ge=2e-3, le=1)] = 0.5,
        step: Grid = 0.01,
        replacement: bool = True,
        max_rounds: Count = 100,
        bags: Count = 1,
        cutoff: Count | None = None,
    ) -> None:
        self.normalise = normalise
        self.similarity = similarity
        self.options: dict[str, Any] = {
            "bounds": (low, high),
            "step": step,
            "replacement": replacement,
            "max_rounds": max_rounds,
            "bags": bags,
            "cutoff": cutoff,
        }

    def check(self, keys: Sequence[str], samples: Samples, metric: Metric) -> None:
        """Raise UsageError without a gallery."""
        if samples.gallery is None or samples.target is None:
            raise UsageError(
                "hill-climb-retrieval ranks a gallery, and these samples have none.", "Take the blender hill-climb."
            )

    def fit(self, oof: Mapping[str, Array], samples: Samples, metric: Metric) -> Blend:
        """Climb on the out-of-fold predictions; the blend's score is the run's own metric. Raises UsageError without a
        gallery.
        """
        import torch

        from ctk.blend import hill_climb_retrieval

        self.check(list(oof), samples, metric)
        assert samples.gallery is not None
        vectors = torch.from_numpy(np.array(samples.gallery.vectors, np.float32))
        climb = hill_climb_retrieval(
            [torch.from_numpy(each) for each in scale_rows(oof, self.normalise)],
            torch.nn.functional.normalize(vectors, dim=1) if self.similarity == "cosine" else vectors,
            torch.from_numpy(np.array(samples.target, np.int64)),
            progress=_log_steps(self.say, list(oof), "mrr"),
            **self.options,
        )
        weights = dict(zip(oof, climb.weights.tolist(), strict=True))
        blend = Blend(weights, self.normalise, None, _trace_rows(climb.trace, list(oof), "mrr"))
        return Blend(weights, self.normalise, metric.score(blend.apply(oof), samples), blend.trace)


def _log_steps(say: Callable[[str], None], keys: list[str], score: str) -> Callable[[Step], None]:
    """Return a function that says every few seconds what a long climb tried last."""
    told = time.monotonic()

    def tell(step: Step) -> None:
        nonlocal told
        if time.monotonic() - told >= EVERY:
            told = time.monotonic()
            say(f"blend climbs: {step.share:+.2f} of {keys[step.member]}, {score} {step.score:.4f}")

    return tell


def _trace_rows(trace: Sequence[Step], keys: list[str], score: str) -> list[dict[str, Any]]:
    return [{"add": keys[step.member], "share": round(step.share, 12), score: step.score} for step in trace]
