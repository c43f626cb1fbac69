"""Policies: which transforms a word like ``standard`` stands for."""

from __future__ import annotations

from typing import Literal

from torchvision.transforms import v2

Policy = Literal["light", "standard", "randaugment"]
DEGREES = 5.0
AREA = (0.8, 1.0)
JITTER = 0.2
BINS = 31
"""Steps of RandAugment's magnitude, 0 to 30, as in the paper's experiments."""


def policy_ops(policy: Policy, size: tuple[int, int], magnitude: int, num_ops: int) -> list[v2.Transform]:
    """Return the transforms of a policy for pictures of (height, width) pixels.

    light        flips, left to right and upside down, each of half of the rows
    standard     these; turned by up to 5 degrees; a crop of 80 to 100 % of the area, brought back to the size;
                 brightness, contrast and saturation by up to 20 %
    randaugment  flips; then `num_ops` of 14 changes, drawn for each row, of `magnitude` 0 to 30 (Cubuk et al. 2020)
    """
    flips = [v2.RandomHorizontalFlip(), v2.RandomVerticalFlip()]
    if policy == "light":
        return flips
    if policy == "randaugment":
        return [*flips, v2.RandAugment(num_ops, magnitude, BINS, v2.InterpolationMode.BILINEAR)]
    shape = size[1] / size[0]
    return [
        *flips,
        v2.RandomRotation(DEGREES, v2.InterpolationMode.BILINEAR),
        v2.RandomResizedCrop(size, AREA, (0.9 * shape, 1.1 * shape)),
        v2.ColorJitter(JITTER, JITTER, JITTER),
    ]
