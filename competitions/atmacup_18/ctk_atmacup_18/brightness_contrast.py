"""Pictures brighter or darker, with more or less contrast."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from ctk.contract import Transform

Share = Annotated[float, Field(ge=0, le=1)]


class BrightnessContrast(Transform):
    """Multiplies the frames of some rows by a factor and adds an offset, the same for all frames of a row.

    probability  of a row to be changed
    brightness   largest offset, as a share of white
    contrast     largest difference of the factor from 1
    """

    def __init__(self, *, probability: Share = 0.5, brightness: Share = 0.2, contrast: Share = 0.2) -> None:
        self.probability, self.brightness, self.contrast = probability, brightness, contrast

    def apply(self, features: dict[str, Tensor], target: Tensor, units: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Frames (B, T, H, W, 3) uint8; the target stays, and so does a network that reads no frames."""
        if (frames := features.get("frames")) is None:
            return features, target
        drawn = torch.rand(3, len(frames)).to(frames.device)
        chosen = torch.nonzero(drawn[0] < self.probability).flatten()
        factor, offset = (2 * drawn[1:, chosen] - 1).view(2, -1, 1, 1, 1, 1)
        drawn_frames = frames.index_select(0, chosen).float()
        changed = torch.addcmul(255 * self.brightness * offset, drawn_frames, 1 + self.contrast * factor)
        frames = frames.index_copy(0, chosen, changed.round_().clamp_(0, 255).to(frames.dtype))
        return {**features, "frames": frames}, target
