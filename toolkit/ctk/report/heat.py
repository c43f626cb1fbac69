"""Weights of members in groups of columns, as a heat map: blue adds, orange takes away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from ctk.report.figures import BASELINE, FONT_SIZE, INK, MUTED, SERIES, axes, figure_svg
from ctk.report.numbers import number
from ctk.samples import Array

NUMBERED = 16
"""Columns of cells that have room for numbers."""
WIDEST = 1 / 10
"""Of the figure's width, the most that a cell takes."""
HEADINGS = 110
"""Letters that stand side by side over the cells; longer headings are slanted."""
GAP = 3
"""Columns of nothing between two bands."""
STRONGEST = 0.7
"""Opacity of the largest weight: numbers on it can still be read."""


@dataclass(frozen=True)
class MapRow:
    """A member: its name, the number of its colour (0 is grey), its weights (G,)."""

    name: str
    slot: int
    weights: Sequence[float]


def weight_map(rows: Sequence[MapRow], columns: Sequence[str], bands: Sequence[str]) -> str:
    """Weights as SVG: a line a member, with numbers where there are few columns.

    columns  (G,) names of the groups, or of the columns themselves
    bands    (G,) what to write over many columns: neighbours of one name stand together under it
    """
    weights = np.array([row.weights for row in rows])
    most = float(np.abs(weights).max()) or 1.0
    few = len(columns) <= NUMBERED
    figure, plot = axes(9.6, 0.8 + 0.26 * len(rows))
    plot.grid(visible=False)
    plot.spines["bottom"].set_visible(False)
    plot.xaxis.tick_top()
    if few:
        plot.pcolormesh(_colours(weights / most), edgecolor="none")
        for (line, place), weight in np.ndenumerate(weights):
            text, colour = (number(float(weight), 2), INK) if abs(weight) >= 0.005 else ("·", BASELINE)
            plot.text(place + 0.5, line + 0.5, text, color=colour, fontsize=FONT_SIZE, ha="center", va="center")
        names, middles = [_short(name) for name in columns], np.arange(len(columns)) + 0.5
        slanted = max(map(len, names)) * len(names) > HEADINGS
        plot.set_xticks(middles, names, rotation=35 if slanted else 0, ha="left" if slanted else "center")
    else:
        lengths = np.array([len(list(names)) for _, names in groupby(bands)])
        pixels = np.insert(weights / most, np.repeat(np.cumsum(lengths)[:-1], GAP), 0.0, axis=1)
        size = (0, pixels.shape[1], len(rows), 0)
        plot.imshow(_colours(pixels), extent=size, aspect="auto", interpolation="none")
        middles = np.cumsum(lengths + GAP) - GAP - lengths / 2
        plot.set_xticks(middles, [_short(name) for name, _ in groupby(bands)])
        plot.set_xlabel(
            f"the fullest blue is {number(most, 2)}, the fullest orange {number(-most, 2)}",
            color=MUTED,
            fontsize=FONT_SIZE,
            loc="right",
        )
    plot.set_xlim(0, max(plot.get_xlim()[1], 1 / WIDEST))
    plot.set_ylim(len(rows), 0)
    plot.set_yticks(np.arange(len(rows)) + 0.5, [_short(row.name) for row in rows], color=INK)
    plot.tick_params(axis="y", pad=16)
    for line, row in enumerate(rows):
        dot = SERIES[row.slot - 1] if row.slot else BASELINE
        beside = plot.get_yaxis_transform()
        plot.plot(-0.01, line + 0.5, "o", color=dot, markersize=5, clip_on=False, transform=beside)
    return figure_svg(figure, f"Weights of {len(rows)} members in {len(columns)} groups of columns")


def _colours(shares: Array) -> Array:
    """(M, G, 4) blue or orange, the more of it the larger a weight's (M, G) share of the largest."""
    from matplotlib.colors import to_rgba_array

    blue, orange = to_rgba_array(SERIES[:2])
    colours: Array = np.where((shares >= 0)[..., None], blue, orange)
    colours[..., 3] = STRONGEST * np.abs(shares)
    return colours


def _short(name: str, most: int = 28, end: int = 8) -> str:
    """A name that has room; its end stays, for that is where seeds stand."""
    return name if len(name) <= most else f"{name[: most - end - 1]}…{name[-end:]}"
