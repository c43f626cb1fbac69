"""Pictures as stored to pictures as a network reads them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class StackedFrames(nn.Module):
    """Lay T frames over each other as channels: (B, T, H, W, 3) uint8 to (B, 3 T, h, w) float32, normalised.

    The result is channels last in memory, as the frames are. It is computed where they lie: a batch goes to the GPU as
    bytes.

    mean, std  of each colour, of values from 0 to 1
    frames     T
    size       (h, w) to bring the frames to, bilinear; None leaves them as they are
    """

    def __init__(
        self, mean: Sequence[float], std: Sequence[float], frames: int = 1, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__()
        self.size = size
        factor = 1 / (255 * torch.tensor(std).repeat(frames))
        self.register_buffer("factor", factor, persistent=False)
        self.register_buffer("offset", -255 * torch.tensor(mean).repeat(frames) * factor, persistent=False)

    factor: Tensor
    offset: Tensor

    def forward(self, frames: Tensor) -> Tensor:
        """(B, T, H, W, 3) to (B, 3 T, h, w)."""
        # Bytes are joined, not floats, and normalised in one pass: a third of the time of the plain way on a CPU.
        stacked = torch.cat(frames.unbind(1), dim=-1).float()
        pictures = torch.addcmul(self.offset, stacked, self.factor).permute(0, 3, 1, 2)
        if self.size is not None and self.size != tuple(frames.shape[2:4]):
            pictures = nn.functional.interpolate(pictures, self.size, mode="bilinear", align_corners=False)
        return pictures
