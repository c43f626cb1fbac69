"""Which colours a picture has: what a linear model can weigh grass by, without a network."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from ctk.contract import Columns, Done, Extractor
from ctk.errors import UsageError
from ctk.samples import Array, Samples
from ctk_csiro_biomass.columns import IMAGE

Bins = Annotated[int, Field(ge=1, le=256)]


class ColorHistogram(Extractor):
    """Shares of a picture's pixels in bins of hue, saturation and value; they sum to 1.

    hue, saturation, value  bins of each
    pictures                the feature that holds them, (N, H, W, 3) uint8
    """

    rows = 32

    def __init__(self, *, hue: Bins = 12, saturation: Bins = 3, value: Bins = 3, pictures: str = IMAGE) -> None:
        self.bins, self.pictures = (hue, saturation, value), pictures

    def extract(self, samples: Samples, progress: Done) -> Columns:
        """One array (N, hue * saturation * value) float32."""
        if self.pictures not in samples.features:
            raise UsageError(f"color-histogram reads the feature '{self.pictures}', which the samples have not.")
        shares = np.empty((len(samples), int(np.prod(self.bins))), np.float32)
        for row in range(len(samples)):
            shares[row] = color_shares(np.asarray(samples.features[self.pictures][row]), self.bins)
            progress(row + 1, len(samples))
        return {"": shares}


def color_shares(picture: Array, bins: tuple[int, int, int]) -> Array:
    """(hue * saturation * value,) float64 of a picture (H, W, 3) uint8, hue outermost.

    Hue, saturation and value are Pillow's, from 0 to 255 (the hexcone model of Smith 1978, "Color gamut transform
    pairs").
    """
    from PIL import Image

    parts = np.asarray(Image.fromarray(picture).convert("HSV")).reshape(-1, 3).astype(np.int64)
    numbers = parts * np.array(bins) // 256
    flat = np.ravel_multi_index(tuple(numbers.T), bins)
    return np.bincount(flat, minlength=int(np.prod(bins))) / len(parts)
