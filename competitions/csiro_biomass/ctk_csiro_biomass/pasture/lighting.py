"""Sun, shadows and the camera's own habits: from colours and heights to what a photograph shows."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from ctk.samples import Array
from ctk_csiro_biomass.pasture.camera import VIEW
from ctk_csiro_biomass.pasture.plots import Visit

ORANGE = (255, 138, 22)
THICK = 4.0
"""cm below a leaf that its shadow begins in: light comes in under what is higher."""


def shade(colours: Array, heights: Array, visit: Visit, random: np.random.Generator) -> Array:
    """Return light (H, W, 3) float32, about 0..1, of colours (H, W, 3) 0..255 with heights (H, W) in cm."""
    cm = heights.shape[1] / VIEW  # pixels
    albedo = (colours / 255) ** 2.2
    deep = np.maximum(_blur(heights, 1.6 * cm) - heights, 0) + 0.5 * np.maximum(_blur(heights, 5 * cm) - heights, 0)
    sky = 0.12 + 0.88 * np.exp(-0.17 * deep)  # gaps between leaves see little of it
    lit = 1 - _shadow(heights, cm, visit.elevation, visit.azimuth) if visit.sun else np.ones_like(heights)
    if visit.sun and random.random() < 0.3:
        lit = lit * (1 - _photographer(heights.shape, random))
    direct = visit.sun * np.sin(visit.elevation) * 1.5
    cool, warm = np.array([0.94, 1.0, 1.1]), np.array([1.06, 1.0, 0.9])
    clouds = 0.95 - 0.5 * visit.sun
    coming = (clouds * sky)[..., None] * cool + (direct * lit * (0.4 + 0.6 * sky))[..., None] * warm
    return np.asarray(albedo * coming, np.float32)


def expose(light: Array, visit: Visit, random: np.random.Generator) -> Array:
    """Return the photograph (H, W, 3) uint8: automatic exposure that half succeeds, white balance, lens, noise."""
    automatic = (0.16 / max(float(light.mean()), 0.01)) ** 0.6
    gain = np.array(visit.balance) * visit.exposure * automatic * np.exp(random.normal(0, 0.04, 3))
    height, width = light.shape[:2]
    y, x = np.linspace(-1, 1, height)[:, None] / 2, np.linspace(-1, 1, width)[None]
    corners = 1 - random.uniform(0.05, 0.2) * (x**2 + y**2)
    values = np.clip(light * gain * corners[..., None], 0, None)
    values = 255 * (1 - np.exp(-1.6 * values)) ** (1 / 2.2) * 1.05
    picture = Image.fromarray(values.clip(0, 255).astype(np.uint8))
    blurred = np.asarray(picture.filter(ImageFilter.GaussianBlur(random.uniform(0.2, 0.6) * width / 1000)), np.float32)
    grain = random.normal(0, random.uniform(1, 3.5), (height, width, 1)).astype(np.float32)
    return (blurred + grain).clip(0, 255).astype(np.uint8)


def stamp(picture: Array, visit: Visit, random: np.random.Generator) -> Array:
    """Burn date and time in, orange, at the lower right as cameras do."""
    image = Image.fromarray(picture)
    clock = f"{visit.date:%d/%m/%Y} {random.integers(9, 16):02}:{random.integers(60):02}"
    size = picture.shape[0] // 14
    place = (0.98 * picture.shape[1], 0.96 * picture.shape[0])
    ImageDraw.Draw(image).text(place, clock, fill=ORANGE, font=ImageFont.load_default(size), anchor="rs")
    return np.asarray(image)


def _shadow(heights: Array, cm: float, elevation: float, azimuth: float) -> Array:
    """How much of the sun is hidden by what stands between, 0..1: steps towards the sun, each as high as the ray."""
    dark = np.zeros_like(heights)
    highest = float(heights.max())
    for distance in np.geomspace(0.4, max(highest / np.tan(elevation), 1.0), 14):
        ray = heights + distance * np.tan(elevation)
        x, y = round(distance * cm * np.cos(azimuth)), round(distance * cm * np.sin(azimuth))
        above = np.roll(heights, (-y, -x), (0, 1)) - ray
        dark = np.maximum(dark, np.clip(above / 0.4, 0, 1) * np.clip(THICK + 1 - above, 0, 1))
    soft = Image.fromarray((255 * dark).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.1 * cm))
    return np.asarray(soft, np.float32) / 255


def _photographer(size: tuple[int, ...], random: np.random.Generator) -> Array:
    """The shadow of head and shoulders that reach in from the lower or upper edge, 0..1, its border a little soft."""
    height, width = size
    mask = Image.new("L", (width, height))
    draw = ImageDraw.Draw(mask)
    middle, reach = random.uniform(0.15, 0.85) * width, random.uniform(0.3, 0.8) * height
    head, shoulders = 0.085 * width, random.uniform(0.12, 0.17) * width
    top = height - reach
    draw.ellipse((middle - head, top, middle + head, top + 2.3 * head), fill=255)
    y = top + 2.1 * head
    draw.polygon(
        [(middle - shoulders, height * 1.5), (middle - shoulders, y + 0.4 * head), (middle - 0.5 * shoulders, y),
         (middle + 0.5 * shoulders, y), (middle + shoulders, y + 0.4 * head), (middle + shoulders, height * 1.5)],
        fill=255,
    )  # fmt: skip
    soft = np.asarray(mask.filter(ImageFilter.GaussianBlur(0.006 * width)), np.float32) / 255
    return soft[::-1] if random.random() < 0.3 else soft


def _blur(values: Array, radius: float) -> Array:
    """A box blur of heights (H, W) in cm, to a quarter of one."""
    steps = Image.fromarray((values * 4).clip(0, 255).astype(np.uint8))
    return np.asarray(steps.filter(ImageFilter.BoxBlur(radius)), np.float32) / 4
