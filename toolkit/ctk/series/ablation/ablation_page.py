"""The page of an ablation: each variant's difference to the base, drawn with its spread."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ctk.errors import hide_secrets
from ctk.files import write_text
from ctk.report.figures import BASELINE, FONT_SIZE, GRID, INK, MUTED, SERIES, axes, figure_svg
from ctk.report.numbers import decimals_for, number
from ctk.report.rendering import render_template
from ctk.series.ablation.differences import Difference
from ctk.series.ablation.outcome import Ablation, percent

COLOURS = {"better": SERIES[2], "worse": SERIES[1]}
"""Of verdicts; the others are grey."""


@dataclass(frozen=True)
class VariantRow:
    """A row of the page's table: one variant."""

    name: str
    changes: str
    cells: list[str]
    intervals: list[str]
    verdict: str
    problems: list[str]


def write_page(ablation: Ablation, path: Path) -> None:
    """Write the page as one HTML file that needs nothing else, atomically."""
    from markupsafe import Markup

    rows = ablation.rows()
    drawn = {name: row for name, row in rows.items() if row.differences}
    page = render_template(
        "ablation.html.j2",
        ablation=ablation,
        metric=ablation.metric,
        base=", ".join(f"{seed}: {number(score, 4)}" for seed, score in ablation.scores["base"].items()) or "none",
        base_problems=_problems(ablation, "base"),
        levels=["95 %", *([percent(ablation.level)] if ablation.comparisons > 1 else [])],
        spread=any(row.interval for row in rows.values()),
        rows=_rows(ablation, rows),
        plot=Markup(plot_differences(drawn, ablation.metric.name)) if drawn else None,
    )
    write_text(path, page)


def _rows(ablation: Ablation, rows: Mapping[str, Difference]) -> list[VariantRow]:
    scores = [score for by_seed in ablation.scores.values() for score in by_seed.values()]
    differences = [each for row in rows.values() for each in row.differences]
    coarse, fine = (decimals_for(values) if any(values) else 4 for values in (scores, differences))

    def mean(values: tuple[float, ...]) -> str:
        return number(math.fsum(values) / len(values), coarse) if values else ""

    def small(value: float) -> str:
        return "" if math.isnan(value) else number(value, fine)

    return [
        VariantRow(
            name=name,
            changes=hide_secrets(", ".join(ablation.overrides[name])),
            cells=[mean(row.scores), signed(row.mean, fine), small(row.std)],
            intervals=[
                "" if each is None else " to ".join(signed(end, fine) for end in each)
                for each in (row.interval, *([row.all_intervals] if ablation.comparisons > 1 else []))
            ],
            verdict=row.verdict,
            problems=_problems(ablation, name),
        )
        for name, row in rows.items()
    ]


def signed(value: float, decimals: int) -> str:
    """Write a difference with its sign; nothing for what is not known."""
    return "" if math.isnan(value) else f"{'+' if value > 0 else ''}{number(value, decimals)}"


def plot_differences(rows: Mapping[str, Difference], metric: str) -> str:
    """Draw each variant's differences by seed as dots, their mean, and the intervals for one and all, as SVG."""
    figure, plot = axes(width=7.2, height=0.75 + 0.42 * len(rows))
    plot.grid(axis="y", visible=False)
    plot.grid(axis="x", color=GRID, linewidth=0.6)
    plot.axvline(0, color=INK, linewidth=1, zorder=1)
    for height, row in enumerate(rows.values()):
        colour = COLOURS.get(row.verdict, BASELINE)
        if row.interval is not None:
            plot.plot(
                row.interval, (height, height), color=colour, linewidth=5, alpha=0.35, solid_capstyle="butt", zorder=2
            )
        plot.plot(row.differences, [height] * len(row.differences), "o", color=colour, markersize=4.2, zorder=4)
        plot.plot(row.mean, height, "|", color=INK, markersize=11, markeredgewidth=1.6, zorder=5)
    plot.margins(x=0.04)
    left, right = plot.get_xlim()  # the widest intervals may run out of the picture
    for height, row in enumerate(rows.values()):
        if row.all_intervals is not None:
            colour = COLOURS.get(row.verdict, BASELINE)
            plot.plot(row.all_intervals, (height, height), color=colour, linewidth=0.9, zorder=2)
    plot.set_xlim(left, right)
    plot.set_ylim(len(rows) - 0.4, -0.6)
    plot.set_yticks(range(len(rows)), list(rows), color=INK, fontsize=FONT_SIZE + 0.5)
    plot.set_xlabel(f"{metric}, variant less base", color=MUTED, fontsize=FONT_SIZE, loc="right")
    return figure_svg(figure, f"Differences of {metric} to the base, {len(rows)} variants")


def _problems(ablation: Ablation, variant: str) -> list[str]:
    return [f"Seed {seed}: {problem}" for seed, problem in ablation.problems.get(variant, {}).items()]
