"""Blenders that climb: by any metric on predictions, or by mean reciprocal rank on embeddings."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from ctk.blend import Step, hill_climb
from ctk.contract import Blend, Blender, Metric
from ctk.errors import UsageError
from ctk.samples import Array, Samples

Count = Annotated[int, Field(ge=1)]

Grid = Annotated[float, Field(ge=2e-3, le=1)]

EVERY = 5.0
"""Seconds between two lines about a climb."""


class HillClimb(Blender):
    """Hill climbing by the run's metric, on predictions as arrays (see ``ctk.blend.hill_climb``).

    normalise    scale each member's rows to length 1 first
    low, high    the shares that a step may mix in a member with; below zero takes some of it out
    step         grid of shares
    replacement  whether a member may be taken again
    bags         climbs to average, each among half of the members
    """

    def __init__(
        self,
        *,
        normalise: bool = False,
        low: Annotated[float, Field(ge=-1, le=0)] = -0.5,
        high: Annotated[float, Field(ge=2e-3, le=1)] = 0.5,
        step: Grid = 0.01,
        replacement: bool = True,
        max_rounds: Count = 100,
        bags: Count = 1,
    ) -> None:
        self.normalise = normalise
        self.options: dict[str, Any] = {
            "bounds": (low, high),
            "step": step,
            "replacement": replacement,
            "max_rounds": max_rounds,
            "bags": bags,
        }

    def fit(self, oof: Mapping[str, Array], samples: Samples, metric: Metric) -> Blend:
        """Climb on the out-of-fold predictions."""
        climb = hill_climb(
            _scaled(oof, self.normalise),
            np.arange(len(samples)),  # the metric knows the targets; it is handed rows of all samples or none
            lambda _, blend: metric.score(blend.astype(np.float32), samples),
            maximize=metric.direction == "max",
            progress=_teller(self.say, list(oof), metric.name),
            **self.options,
        )
        weights = dict(zip(oof, climb.weights.tolist(), strict=True))
        return Blend(weights, self.normalise, climb.score, _told(climb.trace, list(oof), metric.name))


class HillClimbRetrieval(Blender):
    """Hill climbing by mean reciprocal rank over the whole gallery (see ``ctk.blend.hill_climb_retrieval``).

    normalise    scale each member's rows to length 1 first, so that no norm acts as a weight
    similarity   "cosine" scales the gallery's rows to length 1 as well, "dot" leaves them
    low, high    the shares that a step may mix in a member with; below zero takes some of it out
    step         grid of shares
    replacement  whether a member may be taken again
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

    def fit(self, oof: Mapping[str, Array], samples: Samples, metric: Metric) -> Blend:
        """Climb on the out-of-fold predictions; the blend's score is the run's own metric. Raises UsageError without a
        gallery.
        """
        import torch

        from ctk.blend import hill_climb_retrieval

        if samples.gallery is None or samples.target is None:
            raise UsageError(
                "hill-climb-retrieval ranks a gallery, and these samples have none.", "Take the blender hill-climb."
            )
        vectors = torch.from_numpy(np.array(samples.gallery.vectors, np.float32))
        climb = hill_climb_retrieval(
            [torch.from_numpy(each) for each in _scaled(oof, self.normalise)],
            torch.nn.functional.normalize(vectors, dim=1) if self.similarity == "cosine" else vectors,
            torch.from_numpy(np.array(samples.target, np.int64)),
            progress=_teller(self.say, list(oof), "mrr"),
            **self.options,
        )
        weights = dict(zip(oof, climb.weights.tolist(), strict=True))
        blend = Blend(weights, self.normalise, None, _told(climb.trace, list(oof), "mrr"))
        return Blend(weights, self.normalise, metric.score(blend.apply(oof), samples), blend.trace)


def _scaled(oof: Mapping[str, Array], normalise: bool) -> list[Array]:
    """Each member's predictions as the blend will see them, float32."""
    return [Blend({key: 1.0}, normalise).apply(oof) for key in oof]


def _teller(say: Callable[[str], None], keys: list[str], score: str) -> Callable[[Step], None]:
    """Says every few seconds what a long climb tried last."""
    told = time.monotonic()

    def tell(step: Step) -> None:
        nonlocal told
        if time.monotonic() - told >= EVERY:
            told = time.monotonic()
            say(f"blend climbs: {step.share:+.2f} of {keys[step.member]}, {score} {step.score:.4f}")

    return tell


def _told(trace: Sequence[Step], keys: list[str], score: str) -> list[dict[str, Any]]:
    return [{"add": keys[step.member], "share": round(step.share, 12), score: step.score} for step in trace]
