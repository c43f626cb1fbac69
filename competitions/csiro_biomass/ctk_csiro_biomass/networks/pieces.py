"""Pieces of a picture: where they lie, and cutting them out."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ctk.errors import UsageError
from ctk_csiro_biomass.networks.options import Pieces

Box = tuple[int, int, int, int]
"""Top, left, height and width, in pixels."""


def boxes_of(pieces: Pieces, size: tuple[int, int]) -> list[Box]:
    """Tell where the pieces of a picture (height, width) lie, all of one size, row by row from the top left.

    A crop's side h satisfies h (1 + (n - 1)(1 - overlap)) = H, for n of them along H. Raises UsageError for halves of a
    picture that is not wide, and for crops that are larger than it or of no pixel.
    """
    height, width = size
    if pieces.name == "whole":
        return [(0, 0, height, width)]
    if pieces.name == "halves":
        if width <= height:
            raise UsageError(
                f"Halves are for wide pictures, and these are {height} x {width} (height x width).",
                "Set view to whole or crops, or data.size to a wide one, such as [224, 448].",
            )
        half = width // 2
        return [(0, 0, height, half), (0, width - half, height, half)]
    crop = pieces.crop or tuple(
        round(side / (1 + (count - 1) * (1 - pieces.overlap))) for side, count in zip(size, pieces.grid, strict=True)
    )
    if crop[0] > height or crop[1] > width:
        raise UsageError(
            f"A crop of {crop[0]} x {crop[1]} is larger than the picture, {height} x {width} (height x width).",
            "Make view.crop smaller, or data.size larger.",
        )
    if min(crop) < 1:
        raise UsageError(
            f"A picture of {height} x {width} has no {pieces.grid[0]} x {pieces.grid[1]} crops.", "Make view.grid less."
        )
    tops, lefts = (
        np.linspace(0, side - own, count).round().astype(int).tolist()
        for side, own, count in zip(size, crop, pieces.grid, strict=True)
    )
    return [(top, left, crop[0], crop[1]) for top in tops for left in lefts]


def cut(pictures: Tensor, boxes: list[Box]) -> Tensor:
    """(B, H, W, 3) to pieces (B, K, h, w, 3), without a copy where there is one."""
    parts = [pictures[:, top : top + height, left : left + width] for top, left, height, width in boxes]
    return parts[0].unsqueeze(1) if len(parts) == 1 else torch.stack(parts, dim=1)
