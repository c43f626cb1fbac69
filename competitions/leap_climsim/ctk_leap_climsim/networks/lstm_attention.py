"""Two stages of bidirectional LSTMs over levels, then attention between levels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from ctk.errors import UsageError
from ctk.samples import Array
from ctk_leap_climsim.columns import SURFACE, TENDENCIES
from ctk_leap_climsim.networks.base import CHANNELS, OUTPUTS, ColumnNetwork
from ctk_leap_climsim.networks.recurrent import bilstm


class LSTMAttention(ColumnNetwork):
    """Wide LSTMs, narrower LSTMs, self-attention (Vaswani et al. 2017), a linear layer.

    Surface fluxes are the outputs of the lowest level. (Models 007 and 010 of the 2nd-place solution,
    ChunhanLi/2nd-kaggle-LEAP, 2024.)

    wide    of each direction in the first LSTMs
    hidden  of each direction in the second
    layers  of each of the two
    heads   of the attention
    """

    def __init__(
        self,
        constants: Mapping[str, Array],
        *,
        wide: Annotated[int, Field(ge=1)] = 400,
        hidden: Annotated[int, Field(ge=1)] = 256,
        layers: Annotated[int, Field(ge=1)] = 3,
        heads: Annotated[int, Field(ge=1)] = 4,
    ) -> None:
        super().__init__(constants)
        if 2 * hidden % heads:
            raise UsageError(
                f"lstm-attention has {heads} heads for {2 * hidden} channels.", "Choose heads that divide 2 * hidden."
            )
        self.wide = bilstm(CHANNELS, wide, layers)
        self.narrow = bilstm(2 * wide, hidden, layers)
        self.attention = nn.MultiheadAttention(2 * hidden, heads, batch_first=True)
        self.head = nn.Linear(2 * hidden, OUTPUTS)

    def forward(self, columns: Tensor) -> Tensor:
        """(B, 368) scaled targets."""
        x = self.narrow(self.wide(self.levels(columns))[0])[0]
        outputs = self.head(self.attention(x, x, x, need_weights=False)[0])
        series, surface = torch.split(outputs, [len(TENDENCIES), len(SURFACE)], dim=2)
        return self.targets(series, surface[:, -1])
