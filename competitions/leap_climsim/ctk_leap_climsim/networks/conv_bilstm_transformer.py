"""Convolutions over levels, bidirectional LSTMs and one transformer layer, all seen by the head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from ctk.errors import UsageError
from ctk.samples import Array
from ctk_leap_climsim.columns import LEVELS
from ctk_leap_climsim.networks.base import CHANNELS, OUTPUTS, ColumnNetwork
from ctk_leap_climsim.networks.recurrent import bilstm, start_like_keras

KERNELS = ((2, 2), (4, 3), (6, 2))
"""Levels that a convolution spans, and its outputs as a multiple of the inputs."""
HEAD = 256
"""Width of the head's hidden layer."""


class ConvBiLSTMTransformer(ColumnNetwork):
    """Inputs beside convolutions of them to LSTMs, their output to a transformer layer; the head sees all three.

    Positions are added to the inputs as sines and cosines (Vaswani et al. 2017, section 3.5). Surface fluxes are means
    over levels. (Models 195, 197 and 200 of "adam" in the 2nd-place solution, ChunhanLi/2nd-kaggle-LEAP, 2024.)

    hidden       of each direction of the LSTMs
    layers       of the LSTMs
    heads        of the transformer layer
    feedforward  its inner width
    dropout      before the head
    """

    positions: Tensor

    def __init__(
        self,
        constants: Mapping[str, Array],
        *,
        hidden: Annotated[int, Field(ge=1)] = 256,
        layers: Annotated[int, Field(ge=1)] = 5,
        heads: Annotated[int, Field(ge=1)] = 8,
        feedforward: Annotated[int, Field(ge=1)] = 1024,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1,
    ) -> None:
        super().__init__(constants)
        if 2 * hidden % heads:
            raise UsageError(
                f"conv-bilstm-transformer has {heads} heads for {2 * hidden} channels.",
                "Choose heads that divide 2 * hidden.",
            )
        self.register_buffer("positions", _positions(), persistent=False)
        self.convolutions = nn.ModuleList(
            nn.Sequential(
                nn.ZeroPad1d(((span - 1) // 2, span // 2)), nn.Conv1d(CHANNELS, multiple * CHANNELS, span), nn.ReLU()
            )
            for span, multiple in KERNELS
        )
        seen = CHANNELS * (1 + sum(multiple for _, multiple in KERNELS))
        self.norm = nn.LayerNorm(seen)
        self.lstm = bilstm(seen, hidden, layers)
        self.transformer = nn.TransformerEncoderLayer(
            2 * hidden, heads, dim_feedforward=feedforward, dropout=0.0, batch_first=True
        )
        self.head = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(4 * hidden + seen, HEAD), nn.ReLU(), nn.Linear(HEAD, OUTPUTS)
        )
        start_like_keras(self.lstm, self.head)

    def forward(self, columns: Tensor) -> Tensor:
        """(B, 368) scaled targets."""
        x = self.levels(columns) + self.positions
        across = x.transpose(1, 2)
        convolved = [convolution(across).transpose(1, 2) for convolution in self.convolutions]
        x = self.norm(torch.cat([x, *convolved], dim=2))
        recurrent = self.lstm(x)[0]
        return self.targets_of_mean(self.head(torch.cat([recurrent, self.transformer(recurrent), x], dim=2)))


def _positions() -> Tensor:
    """(60, 25) float32 sines and cosines, as of 26 channels."""
    angle = np.arange(LEVELS)[:, None] / 10_000.0 ** (np.arange(0, CHANNELS, 2) / (CHANNELS + 1))
    return torch.from_numpy(np.stack([np.sin(angle), np.cos(angle)], axis=2).reshape(LEVELS, -1)[:, :CHANNELS]).float()
