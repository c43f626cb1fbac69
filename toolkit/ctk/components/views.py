"""Views of pictures: in the mirror, and cropped."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import interpolate

from ctk.contract import View
from ctk.errors import UsageError, nearest

Position = Literal["center", "top-left", "top-right", "bottom-left", "bottom-right"]
POSITIONS: dict[Position, tuple[float, float]] = {
    "center": (0.5, 0.5),
    "top-left": (0, 0),
    "top-right": (0, 1),
    "bottom-left": (1, 0),
    "bottom-right": (1, 1),
}
"""Where a crop lies, as shares of the rows and columns that it leaves out."""


class Flips(View):
    """Pictures (B, ..., H, W, C) in the mirror.

    pictures    the feature that holds them
    horizontal  left and right changed
    vertical    top and bottom changed; with both there is a third look, changed in both ways
    """

    def __init__(self, *, pictures: str = "image", horizontal: bool = True, vertical: bool = False) -> None:
        if not horizontal and not vertical:
            raise UsageError("The view 'flips' mirrors nothing.", "Let horizontal or vertical be true.")
        self.pictures = pictures
        self.axes = [(-2,)] * horizontal + [(-3,)] * vertical + [(-3, -2)] * (horizontal and vertical)

    def count(self) -> int:
        return len(self.axes)

    def look(self, features: dict[str, Tensor], number: int) -> dict[str, Tensor]:
        pictures = pictures_of(features, self.pictures, "flips")
        return {**features, self.pictures: pictures.flip(self.axes[number])}


class Crops(View):
    """Parts of pictures (B, ..., H, W, C), brought back to their size (bilinear).

    pictures   the feature that holds them
    share      of height and of width that a part has
    positions  of the parts, a look each
    """

    def __init__(
        self,
        *,
        pictures: str = "image",
        share: Annotated[float, Field(gt=0, lt=1)] = 0.875,
        positions: Annotated[tuple[Position, ...], Field(min_length=1)] = tuple(POSITIONS),
    ) -> None:
        self.pictures = pictures
        self.share = share
        self.positions = positions

    def count(self) -> int:
        return len(self.positions)

    def look(self, features: dict[str, Tensor], number: int) -> dict[str, Tensor]:
        pictures = pictures_of(features, self.pictures, "crops")
        spans = []
        height, width = map(int, pictures.shape[-3:-1])  # numbers in graphs that are traced too
        for size, place in zip((height, width), POSITIONS[self.positions[number]], strict=True):
            part = max(1, round(size * self.share))
            start = round((size - part) * place)
            spans.append(slice(start, start + part))
        seen = pictures[..., spans[0], spans[1], :].flatten(0, -4).contiguous().movedim(-1, 1)
        resized = interpolate(seen.float(), (height, width), mode="bilinear", align_corners=False)
        back = resized.movedim(1, -1).reshape(pictures.shape)
        if not pictures.is_floating_point():
            back = back.add_(0.501).floor_()  # halves are common, and no last bit shall decide them
        return {**features, self.pictures: back.to(pictures.dtype)}


def pictures_of(features: dict[str, Tensor], name: str, view: str) -> Tensor:
    """Find a network's pictures among what it reads. Raises UsageError where they are none, or not there."""
    if name not in features:
        raise UsageError(
            f"The view '{view}' looks at the feature '{name}', which the network does not read.",
            f"Set its option 'pictures'. {nearest(name, features, 'features')}",
        )
    pictures = features[name]
    if pictures.ndim < 4 or pictures.dtype == torch.bool:
        raise UsageError(
            f"The view '{view}' is of pictures (N, ..., height, width, channels), and the feature '{name}' is"
            f" {str(pictures.dtype).removeprefix('torch.')} (N{''.join(f', {each}' for each in pictures.shape[1:])}).",
            "Set its option 'pictures' to a feature that holds some.",
        )
    return pictures
