"""The competition's network."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field
from torch import Tensor, nn

from ctk.samples import Samples


class ResidualMLP(nn.Module):
    """Text to image embedding: expand, one residual branch, project. (B, text) -> (B, image)

    hidden   width of the expansion and the branch
    layers   of the branch
    dropout  after each block; input_dropout before the first
    """

    features = ("text",)

    def __init__(
        self,
        text: int,
        image: int,
        *,
        hidden: Annotated[int, Field(ge=1)] = 3072,
        layers: Annotated[int, Field(ge=0)] = 2,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1,
        input_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
    ) -> None:
        super().__init__()
        self.drop = nn.Dropout(input_dropout)
        self.expand = _block(text, hidden, dropout)
        self.branch = nn.Sequential(*(_block(hidden, hidden, dropout) for _ in range(layers)))
        self.project = nn.Linear(hidden, image)

    @classmethod
    def for_samples(cls, samples: Samples, **options: Any) -> Self:
        """A network as wide as the samples' embeddings."""
        return cls(samples.features["text"].shape[1], samples.target_width, **options)

    def forward(self, text: Tensor) -> Tensor:
        """Predicted image embeddings; only their direction is trained."""
        x = self.expand(self.drop(text))
        predicted: Tensor = self.project(x + self.branch(x))
        return predicted


def _block(inputs: int, outputs: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, outputs), nn.LayerNorm(outputs), nn.GELU(), nn.Dropout(dropout))
