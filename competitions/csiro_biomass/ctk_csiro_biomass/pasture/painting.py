"""Polygons in space to a picture of their colours and one of their heights, the lowest first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from ctk.samples import Array
from ctk_csiro_biomass.pasture.camera import Camera
from ctk_csiro_biomass.pasture.plots import QUADRAT
from ctk_csiro_biomass.pasture.sward import Facets

TALLEST = 64.0
"""cm of the greatest height that is told apart; heights are kept in 255 steps of it."""
FRAMES = {
    "wood": ((176, 136, 90), 2.2, 1.8),
    "metal": ((176, 178, 180), 1.0, 1.2),
    "cardboard": ((172, 138, 100), 3.5, 0.6),
}
"""Colour, width and height above the ground in cm."""


def paint(facets: Sequence[Facets], camera: Camera, ground: Array) -> tuple[Array, Array]:
    """Draw polygons on the ground (H, W, 3); returns colours (H, W, 3) and heights (H, W) in cm, float32."""
    size = ground.shape[:2]
    canvas = Image.fromarray(np.concatenate([ground, np.zeros((*size, 1), np.uint8)], -1), "RGBA")
    polygons: list[list[float]] = []
    inks: list[tuple[int, ...]] = []
    levels = []
    for each in facets:
        level = each.points[..., 2].mean(1)
        shown = camera.project(each.points, size).round(1)
        polygons += shown.reshape(len(shown), 2 * shown.shape[1]).tolist()
        height = np.clip(level / TALLEST * 255, 0, 255)[:, None]
        inks += map(tuple, np.concatenate([each.colours.clip(0, 255), height], 1).astype(int).tolist())
        levels.append(level)
    draw = ImageDraw.Draw(canvas)  # in RGBA it writes colour and height at once, and blends nothing
    for number in np.argsort(np.concatenate(levels), kind="stable").tolist():
        draw.polygon(polygons[number], fill=inks[number])
    painted = np.asarray(canvas)
    return painted[..., :3].astype(np.float32), painted[..., 3] * np.float32(TALLEST / 255)


def frame(kind: str, random: np.random.Generator) -> list[Facets]:
    """Return the four bars around the quadrat, or what is seen of them."""
    if kind not in FRAMES:
        return []
    colour, width, height = FRAMES[kind]
    x, y = (each / 2 for each in QUADRAT)
    bars = []
    for left, right, top, bottom in (
        (-x - width, x + width, -y - width, -y),
        (-x - width, x + width, y, y + width),
        (-x - width, -x, -y, y),
        (x, x + width, -y, y),
    ):
        bars.append([(left, top, height), (right, top, height), (right, bottom, height), (left, bottom, height)])
    shades = np.array(colour) * random.normal(1, 0.06, (4, 1)) * random.normal(1, 0.1)
    return [Facets(np.array(bars, float), shades)]


def soil(colour: Sequence[float], size: tuple[int, int], random: np.random.Generator) -> Array:
    """Return bare ground (H, W, 3) uint8: patches, clods and grains, of one colour more or less."""
    height, width = size
    tone = np.zeros(size, np.float32)
    for cells, weight in ((6, 0.12), (24, 0.1), (90, 0.12), (260, 0.14)):
        coarse = random.normal(0, 1, (max(2, cells * height // width), cells)).astype(np.float32)
        tone += weight * np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    hue = random.normal(0, 0.03, 3)
    return np.clip(np.array(colour) * (1 + hue) * (1 + tone)[..., None], 0, 255).astype(np.uint8)
