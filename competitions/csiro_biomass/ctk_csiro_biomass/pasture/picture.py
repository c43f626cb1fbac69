"""One plot: its picture, and what was weighed and measured there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ctk.samples import Array
from ctk_csiro_biomass.columns import TARGETS
from ctk_csiro_biomass.pasture.camera import Camera
from ctk_csiro_biomass.pasture.lighting import expose, shade, stamp
from ctk_csiro_biomass.pasture.painting import frame, paint, soil
from ctk_csiro_biomass.pasture.plots import STATES, Plot
from ctk_csiro_biomass.pasture.sward import Sward, grow

LARGE = 1000
"""Pixels from left to right from which on a picture is not drawn twice as large and made smaller."""


@dataclass(frozen=True)
class Weighed:
    """Grams by target, NDVI and the mean of three readings of the height in cm."""

    grams: dict[str, float]
    ndvi: float
    height: float


def photograph(plot: Plot, size: tuple[int, int], random: np.random.Generator) -> tuple[Array, Weighed]:
    """Draw a plot; returns its picture (H, W, 3) uint8 and what was measured."""
    sward = grow(plot, random)
    weighed = weigh(sward, plot, random)
    camera = Camera.draw(random)
    state = STATES[plot.visit.state]
    finer = 1 if size[1] >= LARGE else 2
    drawn = (size[0] * finer, size[1] * finer)
    bars = frame(state.frame, random)
    colours, heights = paint([*bars, *sward.facets], camera, soil(state.soil, drawn, random))
    light = shade(_smaller(colours, finer), _smaller(heights, finer), plot.visit, random)
    picture = expose(light, plot.visit, random)
    return stamp(picture, plot.visit, random) if plot.visit.stamped else picture, weighed


def weigh(sward: Sward, plot: Plot, random: np.random.Generator) -> Weighed:
    """Return what a sward weighs on a balance: leaves differ in thickness, some are lost, sums are rounded apart."""
    green, dead, clover = (
        round(float(each * np.exp(random.normal(0, 0.08))), 4) for each in (sward.green, sward.dead, sward.clover)
    )
    total = green + dead + clover
    if random.random() < 0.012:  # as in the competition's table: a few do not add up
        total = max(0.0, total + float(random.uniform(-0.31, 0.31)))
    values = (green, dead, clover, round(green + clover, 4), round(total, 4))
    litter = sward.dead / (sward.dead + 12)
    ndvi = 0.2 + 0.68 * sward.cover * (1 - 0.25 * litter) * (1 - 0.4 * plot.visit.dryness) + random.normal(0, 0.04)
    readings = np.maximum(1, np.round(plot.height * np.exp(random.normal(0, 0.24, 3))))
    return Weighed(
        dict(zip(TARGETS, values, strict=True)),
        round(float(np.clip(ndvi, 0.16, 0.91)), 2),
        round(float(readings.mean()), 4),
    )


def _smaller(values: Array, times: int) -> Array:
    """Means of squares of so many pixels."""
    height, width = values.shape[:2]
    squares = values.reshape(height // times, times, width // times, times, *values.shape[2:])
    return np.asarray(squares.mean((1, 3), dtype=np.float32))
