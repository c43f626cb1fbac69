"""Ridge regression: a matrix and two means."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ctk.contract import Model
from ctk.samples import Samples
from ctk.training import Ridge
from ctk_export.portable import Portable

NAMES = ("weights", "x_mean", "y_mean")


class Linear(Portable):
    """A ``Ridge``; its tensors are ``weights`` (D, T), ``x_mean`` (D,) and ``y_mean`` (T,), float64 as it has them."""

    model: Ridge

    def __init__(self, model: Ridge, samples: Samples) -> None:
        super().__init__(model, list(samples.features) if model.features is None else model.features)

    def graph(self) -> nn.Module:
        return Affine(self.tensors()).eval()

    def tensors(self) -> dict[str, Tensor]:
        return {name: torch.from_numpy(getattr(self.model, name)) for name in NAMES}

    def restore(self, blank: Model, samples: Samples, tensors: dict[str, Tensor]) -> Portable:
        assert isinstance(blank, Ridge)
        blank.weights, blank.x_mean, blank.y_mean = (tensors[name].numpy() for name in NAMES)
        return Linear(blank, samples)

    def statistics(self) -> dict[str, Tensor]:
        """Both means; its scale is in the weights."""
        return {name: value for name, value in self.tensors().items() if value.ndim == 1}


class Affine(nn.Module):
    """(x - x_mean) weights + y_mean in float64, x the features side by side."""

    weights: Tensor
    x_mean: Tensor
    y_mean: Tensor

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        super().__init__()
        for name, value in tensors.items():
            self.register_buffer(name, value)

    def forward(self, *features: Tensor) -> Tensor:
        """(B, T) float32."""
        x = torch.cat([feature.double().flatten(1) for feature in features], dim=1)
        return ((x - self.x_mean) @ self.weights + self.y_mean).float()
