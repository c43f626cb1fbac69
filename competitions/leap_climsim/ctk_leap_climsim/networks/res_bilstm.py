"""Bidirectional LSTMs over levels with a residual stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor, nn

from ctk.errors import UsageError
from ctk.samples import Array
from ctk_leap_climsim.columns import LEVELS
from ctk_leap_climsim.networks.base import CHANNELS, OUTPUTS, ColumnNetwork
from ctk_leap_climsim.networks.recurrent import bilstm, start_like_keras

NEW, OLD = 0.7, 0.3
"""Weights of a layer's output and of the residual stream."""


class ResBiLSTM(ColumnNetwork):
    """Bidirectional LSTMs from top to bottom, each normalised over levels and channels, joined by a residual stream.

    From layer ``residual_from`` on a layer's output is GELU(0.7 new + 0.3 stream), which is the stream from then on;
    before, the stream is the output of layer ``stream``. A linear layer makes 14 outputs a level, of which the surface
    fluxes are averaged over levels. (Models 014, 015, 021 and 022 of the 2nd-place solution,
    ChunhanLi/2nd-kaggle-LEAP, 2024.)

    hidden         of each direction
    layers         number of LSTMs
    activated      layers, from 1, with a GELU of their own after the normalisation
    residual_from  first layer, from 1, that the stream is added to
    stream         layer, from 1, whose output the stream begins with
    start          "torch" leaves weights as torch makes them; "keras" is Xavier, orthogonal, forget bias 1
    """

    def __init__(
        self,
        constants: Mapping[str, Array],
        *,
        hidden: Annotated[int, Field(ge=1)] = 256,
        layers: Annotated[int, Field(ge=1)] = 8,
        activated: tuple[int, ...] = (1,),
        residual_from: Annotated[int, Field(ge=2)] = 2,
        stream: Annotated[int, Field(ge=1)] = 1,
        start: Literal["torch", "keras"] = "keras",
    ) -> None:
        super().__init__(constants)
        if stream >= residual_from:
            raise UsageError(
                f"The residual stream of res-bilstm begins with layer {stream}, but is added from {residual_from} on.",
                "Set stream below residual_from.",
            )
        self.residual_from, self.stream = residual_from, stream
        self.lstms = nn.ModuleList(bilstm(2 * hidden if layer else CHANNELS, hidden) for layer in range(layers))
        self.norms = nn.ModuleList(
            nn.Sequential(nn.LayerNorm([LEVELS, 2 * hidden]), nn.GELU() if layer in activated else nn.Identity())
            for layer in range(1, layers + 1)
        )
        self.head = nn.Linear(2 * hidden, OUTPUTS)
        if start == "keras":
            start_like_keras(self.lstms, self.head)

    def forward(self, columns: Tensor) -> Tensor:
        """(B, 368) scaled targets."""
        x = stream = self.levels(columns)
        for layer, (lstm, norm) in enumerate(zip(self.lstms, self.norms, strict=True), start=1):
            x = norm(lstm(x)[0])
            if layer >= self.residual_from:
                x = stream = nn.functional.gelu(NEW * x + OLD * stream)
            elif layer == self.stream:
                stream = x
        return self.targets_of_mean(self.head(x))
