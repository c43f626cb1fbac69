"""A blender that searches for weights with Nelder and Mead's simplex."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from ctk import blend as blending
from ctk.components.search_inputs import search_inputs
from ctk.contract import Blend, Blender, Metric
from ctk.samples import Array, Samples


class NelderMead(Blender):
    """Nelder and Mead's simplex by the run's metric (see ``ctk.blend.nelder_mead``): weights from 0, that sum to one.

    normalise        scale each member's rows to length 1 first
    tolerance        of the loss: a simplex that spans less has ended, a start that gains less is the last
    max_evaluations  blends that are scored, at most
    """

    def __init__(
        self,
        *,
        normalise: bool = False,
        tolerance: Annotated[float, Field(ge=0, lt=1)] = 1e-10,
        max_evaluations: Annotated[int, Field(ge=1, lt=2**31)] = 100_000,
    ) -> None:
        self.normalise = normalise
        self.tolerance, self.max_evaluations = tolerance, max_evaluations

    def fit(self, oof: Mapping[str, Array], samples: Samples, metric: Metric) -> Blend:
        """Search on the out-of-fold predictions; the blend's score is the run's own metric."""
        found = blending.nelder_mead(
            **search_inputs(oof, samples, metric, self.normalise),
            tolerance=self.tolerance,
            max_evaluations=self.max_evaluations,
        )
        score = metric.climb or metric.name
        trace = [
            {"simplex of width": start.width, "blends scored": start.evaluations, score: start.score}
            for start in found.trace
        ]
        blend = Blend(dict(zip(oof, found.weights.tolist(), strict=True)), self.normalise, None, trace)
        return replace(blend, score=metric.score(blend.apply(oof), samples))
