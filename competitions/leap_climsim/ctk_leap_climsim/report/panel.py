"""A tall, narrow figure of something by level, level 0 at the top; panels side by side have the same frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from ctk.report import BASELINE, GRID, MUTED, SERIES, axes
from ctk.samples import Array
from ctk_leap_climsim.columns import LEVELS, TARGETS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CALLED = {
    "ptend_t": "heating",
    "ptend_q0001": "moistening",
    "ptend_q0002": "cloud liquid",
    "ptend_q0003": "cloud ice",
    "ptend_u": "eastward wind",
    "ptend_v": "northward wind",
}
WIDTH, HEIGHT = 2.25, 4.1
"""Inches. Six in a row fill a desktop page, two a phone, at about one pixel a point."""
FONT_SIZE = 10
BLEND_COLOUR, WORSE_COLOUR, EXACT_COLOUR = SERIES[:3]
LABELLED = 5
"""A band needs so many levels for its name to fit."""

CSS = """
.levels { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.25rem, 1fr)); gap: 1.5rem .5rem;
  margin: .75rem 0 1.5rem; }
.levels figcaption { margin: 0 0 .1rem; line-height: 1.35; }
.levels figcaption span { display: block; font-weight: 400; color: var(--muted); font-size: .8125rem;
  font-variant-numeric: tabular-nums; }
.levels .figure text { stroke: none; }
.band { display: inline-block; width: .9em; height: .8em; margin-right: .5em; vertical-align: -.02em;
  border: 1px solid transparent; }
.band.zero { background: var(--line); }
.band.exact { background: color-mix(in srgb, var(--s3) 24%, transparent); }
.band.constant { border: 1px dashed var(--baseline); }
.stroke { display: inline-block; width: 1.4em; margin-right: .5em; vertical-align: .28em;
  border-top: 2px solid var(--own); }
.stroke.truth { --own: var(--ink); }
.stroke.thin { border-top-width: 1px; }
@media (max-width: 44rem) { .levels { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
"""


def panel() -> tuple[Figure, Axes]:
    """An empty panel with a line at 0; its frame is fixed, so that levels of neighbours are at the same height."""
    figure, plot = axes(WIDTH, HEIGHT)
    figure.set_layout_engine("none")
    plot.set_position((0.2, 0.075, 0.765, 0.91))
    plot.set_ylim(LEVELS - 0.5, -0.5)
    plot.set_yticks([0, 20, 40, LEVELS - 1])
    plot.grid(axis="x", color=GRID, linewidth=0.6)
    plot.axvline(0, color=BASELINE, linewidth=0.8, zorder=0.9)
    plot.tick_params(labelsize=FONT_SIZE, pad=3)
    for at, what, side in ((1, "top of the atmosphere", "top"), (0, "surface", "bottom")):
        plot.text(
            -0.245, at, what, transform=plot.transAxes, rotation=90, ha="left", va=side, color=MUTED, fontsize=FONT_SIZE
        )
    return figure, plot


def draw_bands(plot: Axes, kinds: Mapping[str, Array], name: str) -> None:
    """Mark the levels of a tendency that are zero, exact or constant, by colour and, where it fits, in words."""
    for kind, of in kinds.items():
        for first, last in runs(of[columns(name)]):
            edges = (first - 0.5, last + 0.5)
            if kind == "constant":
                plot.axhspan(*edges, fill=False, edgecolor=BASELINE, linewidth=0.7, linestyle=(0, (3, 2)))
            elif kind == "exact":
                plot.axhspan(*edges, color=EXACT_COLOUR, alpha=0.24, linewidth=0)
            else:
                plot.axhspan(*edges, color=GRID, linewidth=0)
            if last - first + 1 >= LABELLED:
                plot.text(
                    0.5,
                    (first + last) / 2,
                    kind,
                    transform=plot.get_yaxis_transform(),
                    ha="center",
                    va="center",
                    color=MUTED,
                    fontsize=FONT_SIZE,
                )


def columns(name: str) -> slice:
    """Where the 60 levels of a tendency are among the targets."""
    first = TARGETS.index(f"{name}_0")
    return slice(first, first + LEVELS)


def runs(holds: Array) -> list[tuple[int, int]]:
    """First and last place of each run of places where it holds."""
    steps = np.flatnonzero(np.diff(np.concatenate([[False], holds, [False]]).astype(np.int8)))
    return [(int(first), int(after) - 1) for first, after in zip(steps[::2], steps[1::2], strict=True)]


def caption(title: str, below: Markup | str) -> Markup:
    """A panel's heading and the smaller line under it."""
    return Markup("<figcaption>{}<span>{}</span></figcaption>").format(title, below)
