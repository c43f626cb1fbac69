"""How members learned: loss and metric over epochs, a line a seed, a colour a member."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctk.contract import Metric
from ctk.report.figures import BASELINE, FONT_SIZE, INK, MUTED, SERIES, axes, figure_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_POINTS = 300
"""Of a line; more cannot be seen and would make the page heavy."""


@dataclass(frozen=True)
class Line:
    """A member's course with one seed. ``slot`` is its colour's number, from 1; 0 is the common grey."""

    slot: int
    epochs: list[float]
    values: list[float]


def lines(curves: Mapping[str, Sequence[Mapping[str, float]]], column: str, slots: Mapping[str, int]) -> list[Line]:
    """Every curve that has this column, the grey ones first so that they lie at the bottom; slots by curve key."""
    found = []
    for key, rows in curves.items():
        points = [(float(row.get("epoch", at)), float(row[column])) for at, row in enumerate(rows) if column in row]
        if any(math.isfinite(value) for _, value in points):
            points = points[:: math.ceil(len(points) / MOST_POINTS)]
            found.append(Line(slots.get(key, 0), [epoch for epoch, _ in points], [value for _, value in points]))
    return sorted(found, key=lambda line: (line.slot > 0, -line.slot))


def plot_loss(found: Sequence[Line]) -> str:
    """The losses as SVG; on a log scale where they span more than a factor of 30."""
    figure, plot = axes()
    _draw(plot, found)
    values = [value for line in found for value in line.values if math.isfinite(value)]
    if min(values) > 0 and max(values) > 30 * min(values):
        plot.set_yscale("log")
    return figure_svg(figure, f"Training loss over epochs, {len(found)} lines")


def plot_metric(found: Sequence[Line], metric: Metric, levels: Mapping[str, float]) -> str:
    """The metric as SVG, the best epoch of each coloured line dotted; ``levels`` are drawn across, with their names."""
    figure, plot = axes()
    _draw(plot, found)
    for line in found:
        if not line.slot:
            continue
        best = max(range(len(line.values)), key=lambda at: metric.merit(line.values[at]))
        plot.plot(line.epochs[best], line.values[best], "o", color=_colour(line), markersize=3.6, zorder=4)
    for name, level in levels.items():
        own = name == "blend"
        plot.axhline(
            level, color=INK if own else BASELINE, linewidth=1, linestyle=(0, (1, 1.5)) if own else (0, (5, 3))
        )
        plot.annotate(
            name,
            (1, level),
            xycoords=("axes fraction", "data"),
            xytext=(-2, 3),
            ha="right",
            textcoords="offset points",
            color=INK if own else MUTED,
            fontsize=FONT_SIZE,
        )
    return figure_svg(figure, f"{metric.name} on the validation split over epochs, {len(found)} lines")


def _draw(plot: Axes, found: Sequence[Line]) -> None:
    from matplotlib.ticker import MaxNLocator

    for line in found:
        strong = line.slot > 0
        plot.plot(
            line.epochs,
            line.values,
            color=_colour(line),
            linewidth=1.5 if strong else 0.8,
            alpha=0.95 if strong else 0.55,
            marker="o" if len(line.epochs) == 1 else None,
            markersize=3,
            solid_joinstyle="round",
        )
    plot.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    plot.set_xlabel("epoch", color=MUTED, fontsize=FONT_SIZE, loc="right")
    plot.margins(x=0.02)


def _colour(line: Line) -> str:
    return SERIES[line.slot - 1] if line.slot else BASELINE
