"""The competition's network."""

from __future__ import annotations

from typing import Self

from ctk.competition import Samples
from torch import Tensor, nn


class ResidualMLP(nn.Module):
    """Text to image embedding: expand, one residual branch, project. (B, text) -> (B, image)

    hidden   width of the expansion and the branch
    layers   of the branch
    """

    features = ("text",)

    def __init__(self, text: int, image: int, *, hidden: int = 3072, layers: int = 2, dropout: float = 0.1) -> None:
        super().__init__()
        self.expand = _block(text, hidden, dropout)
        self.branch = nn.Sequential(*(_block(hidden, hidden, dropout) for _ in range(layers)))
        self.project = nn.Linear(hidden, image)

    @classmethod
    def for_samples(cls, samples: Samples, *, hidden: int = 3072, layers: int = 2, dropout: float = 0.1) -> Self:
        """A network as wide as the samples' embeddings."""
        return cls(
            samples.features["text"].shape[1], samples.target_width, hidden=hidden, layers=layers, dropout=dropout
        )

    def forward(self, text: Tensor) -> Tensor:
        """Predicted image embeddings; only their direction is trained."""
        x = self.expand(text)
        predicted: Tensor = self.project(x + self.branch(x))
        return predicted


def _block(inputs: int, outputs: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, outputs), nn.LayerNorm(outputs), nn.GELU(), nn.Dropout(dropout))
