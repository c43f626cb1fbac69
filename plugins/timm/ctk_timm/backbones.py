"""A timm model as part of a network: pictures to features."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ctk.errors import UsageError
from ctk_timm.choice import BackboneChoice
from ctk_timm.weights import fetched_model, loaded_model, new_model


class Backbone(nn.Module):
    """A timm model without its classifier, ``(B, channels, H, W)`` normalised pictures to ``(B, num_features)``.

    It begins with random weights; those that were chosen come with ``load_pretrained``, which a network calls in its
    own method of that name, so that a saved network is made again without the hub or the file.

    num_features  width of what ``forward`` gives
    mean, std     by which its pictures are normalised, of each colour
    """

    def __init__(self, choice: BackboneChoice, channels: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.choice, self.channels, self.size = choice, channels, size
        self._take(new_model(choice.name, channels, size))

    def load_pretrained(self) -> None:
        """Take the weights that were chosen: of a file, published, or as they are. Raises CtkError, UsageError."""
        name, file = self.choice.name, self.choice.checkpoint
        if file is not None:
            self._take(loaded_model(name, self.channels, self.size, Path(file).expanduser()))
        elif self.choice.pretrained:
            self._take(fetched_model(name, self.channels, self.size))

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, channels, H, W) to pooled features (B, num_features)."""
        features: Tensor = self.model(pictures)
        return features

    def last_map(self, pictures: Tensor) -> Tensor:
        """(B, channels, H, W) to the last feature map, (B, F, h, w). Raises UsageError for a model without one."""
        if not hasattr(self.model, "forward_intermediates"):
            raise UsageError(f"timm's model '{self.choice.name}' has no feature maps.", "Choose another backbone.")
        found = self.model.forward_intermediates(pictures, indices=1, output_fmt="NCHW", intermediates_only=True)
        last: Tensor = found[-1]
        return last

    def _take(self, model: Any) -> None:
        self.model: Any = model.to(memory_format=torch.channels_last)
        self.num_features = int(getattr(model, "head_hidden_size", None) or model.num_features)
        self.mean, self.std = model.pretrained_cfg["mean"], model.pretrained_cfg["std"]


def backbone(
    name: str,
    channels: int = 3,
    *,
    size: tuple[int, int],
    pretrained: bool = False,
    checkpoint: str | None = None,
) -> Backbone:
    """Make a feature network of timm for pictures of a size (height, width), with its weights.

    name        a model of timm; UsageError with the nearest for one that is not there
    channels    of the pictures; a published first convolution of 3 is repeated
    pretrained  begin with the published weights; CtkError at once where the hub cannot be reached
    checkpoint  begin with those of a file instead
    """
    made = Backbone(BackboneChoice(name=name, pretrained=pretrained, checkpoint=checkpoint), channels, size)
    made.load_pretrained()
    return made
