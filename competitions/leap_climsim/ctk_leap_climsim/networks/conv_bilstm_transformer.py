"""Convolutions over levels, bidirectional LSTMs and one transformer layer, all seen by the head."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from ctk.errors import UsageError
from ctk.samples import Array
from ctk_leap_climsim.columns import LEVELS
from ctk_leap_climsim.networks.base import CHANNELS, OUTPUTS, ColumnNetwork
from ctk_leap_climsim.networks.recurrent import bilstm, start_like_keras

SPANS = (2, 4, 6)
"""Levels that the convolutions span."""


class ConvBiLSTMTransformer(ColumnNetwork):
    """Inputs beside convolutions of them to LSTMs, their output to a transformer layer; the head sees both.

    Positions are added to the inputs as sines and cosines (Vaswani et al. 2017, section 3.5). Surface fluxes are means
    over levels. (Models 195, 197 and 200 of "adam" in the 2nd-place solution, ChunhanLi/2nd-kaggle-LEAP, 2024.)

    multiples    outputs of the convolutions over 2, 4 and 6 levels, as multiples of the 25 inputs
    hidden       of each direction of the LSTMs
    layers       of the LSTMs
    heads        of the transformer layer
    feedforward  its inner width
    activation   its activation
    head         widths of the head's hidden layers
    inputs       whether the head sees the LSTMs' inputs too
    recurrent    whether the head sees the LSTMs' output too, beside the transformer layer's
    silu         SiLU behind the LSTMs, the transformer layer and the head's layers, which have ReLU otherwise
    dropout      before the head
    """

    positions: Tensor

    def __init__(
        self,
        constants: Mapping[str, Array],
        *,
        multiples: tuple[PositiveInt, PositiveInt, PositiveInt] = (2, 3, 2),
        hidden: Annotated[int, Field(ge=1)] = 256,
        layers: Annotated[int, Field(ge=1)] = 5,
        heads: Annotated[int, Field(ge=1)] = 8,
        feedforward: Annotated[int, Field(ge=1)] = 1024,
        activation: Literal["relu", "gelu"] = "relu",
        head: tuple[PositiveInt, ...] = (256,),
        inputs: bool = True,
        recurrent: bool = True,
        silu: bool = False,
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
            for span, multiple in zip(SPANS, multiples, strict=True)
        )
        seen = CHANNELS * (1 + sum(multiples))
        self.norm = nn.LayerNorm(seen)
        self.lstm = bilstm(seen, hidden, layers)
        self.transformer = nn.TransformerEncoderLayer(
            2 * hidden, heads, dim_feedforward=feedforward, dropout=0.0, activation=activation, batch_first=True
        )
        self.inputs, self.recurrent = inputs, recurrent
        self.between = nn.SiLU() if silu else nn.Identity()
        widths = (2 * hidden * (1 + recurrent) + (seen if inputs else 0), *head)
        self.head = nn.Sequential(nn.Dropout(dropout))
        for before, after in pairwise(widths):
            self.head.extend([nn.Linear(before, after), nn.SiLU() if silu else nn.ReLU()])
        self.head.append(nn.Linear(widths[-1], OUTPUTS))
        start_like_keras(self.lstm, self.head)

    def forward(self, columns: Tensor) -> Tensor:
        """(B, 368) scaled targets."""
        x = self.levels(columns) + self.positions
        across = x.transpose(1, 2)
        convolved = [convolution(across).transpose(1, 2) for convolution in self.convolutions]
        x = self.norm(torch.cat([x, *convolved], dim=2))
        recurrent = self.between(self.lstm(x)[0])
        transformed = self.between(self.transformer(recurrent))
        seen = [*([recurrent] if self.recurrent else []), transformed, *([x] if self.inputs else [])]
        return self.targets_of_mean(self.head(torch.cat(seen, dim=2)))


def _positions() -> Tensor:
    """(60, 25) float32 sines and cosines, as of 26 channels."""
    angle = np.arange(LEVELS)[:, None] / 10_000.0 ** (np.arange(0, CHANNELS, 2) / (CHANNELS + 1))
    return torch.from_numpy(np.stack([np.sin(angle), np.cos(angle)], axis=2).reshape(LEVELS, -1)[:, :CHANNELS]).float()
