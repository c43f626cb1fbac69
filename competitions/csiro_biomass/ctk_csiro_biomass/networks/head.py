"""From features to grams: five targets, or three parts and their sums."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from ctk.errors import UsageError
from ctk.samples import Samples
from ctk_csiro_biomass.columns import PARTS, TARGETS
from ctk_csiro_biomass.networks.metadata import moments

Outputs = Literal["five", "parts"]
LEAST = 0.05
"""Deviations that a mean counts as at least, for a softplus to begin at it."""


class BiomassHead(nn.Module):
    """Two layers to scaled targets (B, 5).

    outputs   five: each target by itself; parts: green, dead and clover, and the sums of them
    scaling   column: each target has mean 0 and deviation 1 over the training rows; shared: all have one mean and one
              deviation, so that errors count as in grams
    positive  grams are a softplus of what the layers give, and so never below zero
    """

    mean: Tensor
    std: Tensor
    column_mean: Tensor
    column_std: Tensor

    def __init__(
        self,
        samples: Samples,
        inputs: int,
        *,
        hidden: int,
        dropout: float,
        outputs: Outputs,
        scaling: Literal["column", "shared"],
        positive: bool,
    ) -> None:
        super().__init__()
        width = samples.target_width
        if outputs == "parts" and width != len(TARGETS):
            raise UsageError(
                f"The target has {width} columns, and the sums of parts need the competition's {len(TARGETS)}.",
                "Use it with csiro-biomass, or set head to five.",
            )
        target = np.asarray(samples.target_values(), np.float64)
        mean, std = moments(target)
        shared = tuple(np.full(width, each[0]) for each in moments(target.reshape(-1, 1)))
        buffers = {"column_mean": mean, "column_std": std}
        buffers |= dict(zip(("mean", "std"), (mean, std) if scaling == "column" else shared, strict=True))
        for name, values in buffers.items():
            self.register_buffer(name, torch.from_numpy(values).float())
        self.parts, self.positive = outputs == "parts", positive
        made = len(PARTS) if self.parts else width
        self.layers = nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, made))

    def forward(self, features: Tensor) -> Tensor:
        """(B, inputs) to (B, 5) scaled targets, float32."""
        raw = self.layers(features).float()
        own = raw.shape[1]  # the parts come first among the targets
        mean, std = self.column_mean[:own], self.column_std[:own]
        if self.positive:  # of raw 0 the mean, as without
            grams = nn.functional.softplus(raw + torch.log(torch.expm1((mean / std).clamp(min=LEAST)))) * std
        else:
            grams = raw * std + mean
        if self.parts:  # sums, not a matrix product, which half precision would round
            green, dead, clover = grams.unbind(dim=1)
            living = green + clover
            grams = torch.stack([green, dead, clover, living, living + dead], dim=1)
        return self.scale(grams)

    def scale(self, target: Tensor) -> Tensor:
        """(B, 5) grams to what is trained, float32."""
        return (target.float() - self.mean) / self.std

    def unscale(self, output: Tensor) -> Tensor:
        """Back, (B, 5) to grams, float32."""
        return output.float() * self.std + self.mean

    def describe(self) -> dict[str, Any]:
        """Tell means and deviations of the targets."""
        return {"mean": self.mean.tolist(), "std": self.std.tolist()}
