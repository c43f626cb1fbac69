"""What of a picture the network sees, at which size."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torchvision.transforms import v2

from ctk.errors import UsageError

Look = Literal["homework", "whole"]
MEAN = STD = 0.5
"""By which pixels from 0 to 1 are normalised, in all colours: the base model's own."""


class PictureLook:
    """Pictures to a tower's square: cut or squeezed, in training a random part if wanted.

    look   homework: the short side is brought to ``size``, then the middle square is cut out. Of 150 x 100 pixels it
           keeps the middle two thirds; karts at the sides are gone. It is the transform of the course's own grader.
           whole: the picture is squeezed into the square, and nothing is gone
    crop   least and largest share of the area of which training shows a random rectangle of 3:4 to 4:3, the course's
           RandomResizedCrop(scale=crop); None shows what is predicted by too
    """

    def __init__(self, look: Look, size: int, crop: tuple[float, float] | None) -> None:
        if crop is not None and crop[0] > crop[1]:
            raise UsageError(f"Model option 'crop' is [{crop[0]:g}, {crop[1]:g}]: the smaller share comes first.")
        whole = v2.Resize((size, size), antialias=True)
        cut = v2.Compose([v2.Resize(size, antialias=True), v2.CenterCrop(size)])
        self.plain = whole if look == "whole" else cut
        self.crop = None if crop is None else v2.RandomResizedCrop(size, scale=crop, antialias=True)

    def __call__(self, pictures: Tensor, training: bool) -> Tensor:
        """(B, H, W, 3) uint8 to (B, 3, size, size) float32, normalised; in training each row draws its part."""
        seen = pictures.movedim(-1, 1)
        if training and self.crop is not None:
            seen = torch.stack([self.crop(picture) for picture in seen])
        else:
            seen = self.plain(seen)
        return (seen.float() / 255 - MEAN) / STD
