"""How a blend was climbed to: its score after each step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ctk.report.figures import BASELINE, FONT_SIZE, MUTED, SERIES, axes, figure_svg


def plot_climb(trace: Sequence[Mapping[str, Any]], slots: Mapping[str, int]) -> str | None:
    """The score after each step as SVG, a dot in the colour of the member that was mixed in.

    trace  steps with "add", a member key, and last the score after it, under the metric's name
    slots  the number of a member key's colour, from 1; 0 and strangers are grey
    None for fewer than two steps, or steps of another kind.
    """
    if len(trace) < 2 or not all("add" in step for step in trace):
        return None
    score = list(trace[0])[-1]
    values = [step.get(score, math.nan) for step in trace]
    if not all(isinstance(value, float) and math.isfinite(value) for value in values):
        return None
    from matplotlib.ticker import MaxNLocator

    figure, plot = axes()
    steps = range(1, len(values) + 1)
    plot.plot(steps, values, color=BASELINE, linewidth=1, zorder=2)
    for number, step in zip(steps, trace, strict=True):
        slot = slots.get(step["add"], 0)
        colour = SERIES[slot - 1] if slot else BASELINE
        plot.plot(number, values[number - 1], "o", color=colour, markersize=3.6, zorder=4)
    plot.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    plot.set_xlabel("step", color=MUTED, fontsize=FONT_SIZE, loc="right")
    plot.margins(x=0.02)
    return figure_svg(figure, f"{score} of the blend after each of {len(values)} steps")
