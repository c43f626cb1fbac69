"""The toy competition's networks and loss: what a loss, a tracker or an executor is tried with."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from ctk.contract import Batch
from ctk.samples import Samples

BEFORE_A = ord("a") - 1


class ToyNetwork(nn.Module):
    """One hidden layer. (B, 4) -> (B, D)"""

    features = ("x",)

    def __init__(self, outputs: int, *, hidden: int = 8) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, hidden), nn.Tanh(), nn.Linear(hidden, outputs))

    @classmethod
    def for_samples(cls, samples: Samples, **options: Any) -> Self:
        """A network as wide as the target."""
        return cls(samples.target_width, **options)

    def forward(self, x: Tensor) -> Tensor:
        """Predicted targets."""
        predicted: Tensor = self.layers(x)
        return predicted


class ToyTextNetwork(nn.Module):
    """A small letter, or the word's end, at each place of a word. (B, 4) -> (B, 8) code points"""

    features = ("x",)
    places, letters = 8, 26

    def __init__(self, *, hidden: int = 16) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(4, hidden), nn.Tanh(), nn.Linear(hidden, self.places * (1 + self.letters))
        )

    @classmethod
    def for_samples(cls, samples: Samples, **options: Any) -> Self:
        """A network for words of whatever samples."""
        return cls(**options)

    def training_loss(self, batch: Batch) -> Tensor:
        """Cross entropy of the letters, of what comes after a word too."""
        wanted = (batch.target[:, : self.places].long() - BEFORE_A).clamp(0, self.letters)
        return nn.functional.cross_entropy(self._logits(batch.features["x"]).flatten(0, 1), wanted.flatten())

    def forward(self, x: Tensor) -> Tensor:
        """The likeliest letters."""
        letters = self._logits(x).argmax(dim=-1)
        return torch.where(letters > 0, letters + BEFORE_A, 0).int()

    def _logits(self, x: Tensor) -> Tensor:
        logits: Tensor = self.layers(x)
        return logits.unflatten(1, (self.places, 1 + self.letters))


class ToyPictureNetwork(nn.Module):
    """A linear map of pictures. (B, H, W, 3) uint8 -> (B, D)"""

    features = ("image",)

    def __init__(self, numbers: int, outputs: int) -> None:
        super().__init__()
        self.layer = nn.Linear(numbers, outputs)

    @classmethod
    def for_samples(cls, samples: Samples) -> Self:
        """A network of the pictures' size, as wide as the target."""
        return cls(int(np.prod(samples.features["image"].shape[1:])), samples.target_width)

    def forward(self, image: Tensor) -> Tensor:
        """Predicted targets."""
        predicted: Tensor = self.layer(image.flatten(1) / 255)
        return predicted


class SquaredError(nn.Module):
    """Mean squared error."""

    def forward(self, prediction: Tensor, batch: Batch) -> Tensor:
        """(B, D) predictions and a batch to a 0-d loss."""
        return torch.nn.functional.mse_loss(prediction, batch.target)
