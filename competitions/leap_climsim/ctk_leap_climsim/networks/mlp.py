"""The fast baseline: a residual MLP on whole columns of air."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from ctk.samples import Array
from ctk_leap_climsim.columns import INPUTS, TARGETS
from ctk_leap_climsim.networks.base import ColumnNetwork


class ColumnMLP(ColumnNetwork):
    """Expand, residual blocks, project: (B, 556) -> (B, 368), with no notion of levels.

    hidden   width
    layers   residual blocks of a normalisation, a linear layer and a GELU
    dropout  in each block
    """

    def __init__(
        self,
        constants: Mapping[str, Array],
        *,
        hidden: Annotated[int, Field(ge=1)] = 512,
        layers: Annotated[int, Field(ge=0)] = 3,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
    ) -> None:
        super().__init__(constants)
        self.expand = nn.Linear(len(INPUTS), hidden)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, hidden), nn.GELU(), nn.Dropout(dropout))
            for _ in range(layers)
        )
        self.project = nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, len(TARGETS)))

    def forward(self, columns: Tensor) -> Tensor:
        """(B, 368) scaled targets."""
        x = nn.functional.gelu(self.expand(self.standardise(columns)))
        for block in self.blocks:
            x = x + block(x)
        predicted: Tensor = self.project(x)
        return predicted
