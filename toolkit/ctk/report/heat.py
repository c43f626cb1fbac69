"""Weights of members in groups of columns, as a heat map: blue adds, orange takes away."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from ctk.report.numbers import MINUS, number
from ctk.samples import Array

WIDTH = 1000
"""Of the picture where it is widest, in the page's pixels."""
NUMBERED = 16
"""Columns of cells that have room for numbers."""
LETTER = 6.7
"""Width of a letter on average, at 13 pixels."""
SHADES = 12
"""Of either colour, for cells without numbers: neighbours of one shade are one shape."""
STRONGEST = 0.7
"""Opacity of the largest weight: numbers on it can still be read."""


@dataclass(frozen=True)
class MapRow:
    """A member: its name, the number of its colour (0 is grey), its weights (G,)."""

    name: str
    slot: int
    weights: Sequence[float]


@dataclass(frozen=True)
class Frame:
    """The layout of a heat map: the cells' left edge, top and height, and left and width of each column of cells."""

    left: float
    top: float
    height: float
    columns: list[tuple[float, float]]

    @property
    def right(self) -> float:
        return self.columns[-1][0] + self.columns[-1][1]


def weight_map(rows: Sequence[MapRow], columns: Sequence[str], bands: Sequence[str]) -> str:
    """Weights as SVG in the page's colours: a line a member, with numbers where there are few columns.

    columns  (G,) names of the groups, or of the columns themselves
    bands    (G,) what to write over many columns: neighbours of one name stand together under it
    """
    weights = np.array([row.weights for row in rows])
    most = float(np.abs(weights).max()) or 1.0
    longest = max(len(_short(row.name)) for row in rows)
    few = len(columns) <= NUMBERED
    frame = (_numbered_frame if few else _banded_frame)(28 + LETTER * longest, columns, bands)
    inside = _cells(frame, weights, most, rows, columns) if few else _shapes(frame, weights, most)
    inside += _headings(frame, columns) if few else _band_names(frame, columns, bands, len(rows))
    inside += [_member(frame, line, row) for line, row in enumerate(rows)]
    bottom = frame.top + len(rows) * frame.height
    inside += _scale(frame, bottom + 18, most)
    label = f"Weights of {len(rows)} members in {len(columns)} groups of columns"
    width, height = max(frame.right, frame.left + 210) + 1, bottom + 40
    return (
        f'<svg class="heat" role="img" aria-label="{label}" viewBox="0 0 {width:.0f} {height:.0f}"'
        f' style="max-width: {width:.0f}px">{"".join(inside)}</svg>'
    )


def _numbered_frame(left: float, columns: Sequence[str], bands: Sequence[str]) -> Frame:
    width = min(96.0, (WIDTH - left) / len(columns))
    slanted = _slanted(columns, width)
    top = 26 + (0.6 * LETTER * max(len(_short(name)) for name in columns) if slanted else 0)
    return Frame(left, top, 28, [(left + width * place, width) for place in range(len(columns))])


def _banded_frame(left: float, columns: Sequence[str], bands: Sequence[str]) -> Frame:
    gap = 7.0
    lengths = [len(list(names)) for _, names in groupby(bands)]
    width = (WIDTH - left - gap * (len(lengths) - 1)) / len(columns)
    edges, x = [], left
    for length in lengths:
        edges += [(x + width * place, width) for place in range(length)]
        x += width * length + gap
    return Frame(left, 26, 20, edges)


def _cells(frame: Frame, weights: Array, most: float, rows: Sequence[MapRow], columns: Sequence[str]) -> list[str]:
    """A rectangle with its number for each weight; zeros are left empty."""
    drawn = []
    for line, row in enumerate(rows):
        for place, (x, width) in enumerate(frame.columns):
            weight, y = float(weights[line, place]), frame.top + line * frame.height
            title = f"{row.name}, {columns[place]}: {number(weight)}"
            drawn.append(
                f'<rect x="{x + 1:.1f}" y="{y + 1:.1f}" width="{width - 2:.1f}" height="{frame.height - 2:.1f}" rx="2"'
                f" {_paint(weight / most)}><title>{html.escape(title)}</title></rect>"
            )
            text = number(weight, 2) if abs(weight) >= 0.005 else "·"
            faint = "" if abs(weight) >= 0.005 else ' class="faint"'
            drawn.append(
                f'<text x="{x + width / 2:.1f}" y="{y + frame.height / 2 + 4.5:.1f}" text-anchor="middle"{faint}>'
                f"{text}</text>"
            )
    return drawn


def _shapes(frame: Frame, weights: Array, most: float) -> list[str]:
    """A path for each shade: thousands of rectangles would make the page heavy."""
    shades = np.rint(weights / most * SHADES).astype(int)
    parts: dict[int, list[str]] = {}
    for line, row in enumerate(shades):
        y = frame.top + line * frame.height + 1
        # A band ends where the next cell does not begin at this one's end.
        starts = [x for x, _ in frame.columns]
        place = 0
        while place < len(row):
            end = place + 1
            while end < len(row) and row[end] == row[place] and abs(starts[end] - sum(frame.columns[end - 1])) < 1e-6:
                end += 1
            if row[place]:
                width = sum(frame.columns[end - 1]) - starts[place]
                shape = f"M{starts[place]:.1f} {y:.0f}h{width:.1f}v{frame.height - 2:.0f}h-{width:.1f}z"
                parts.setdefault(int(row[place]), []).append(shape)
            place = end
    return [
        f'<path shape-rendering="crispEdges" {_paint(shade / SHADES)} d="{"".join(shapes)}"/>'
        for shade, shapes in sorted(parts.items())
    ]


def _headings(frame: Frame, columns: Sequence[str]) -> list[str]:
    drawn = []
    for name, (x, width) in zip(columns, frame.columns, strict=True):
        middle = x + width / 2
        if _slanted(columns, width):
            where = f'transform="translate({middle:.1f} {frame.top - 8:.1f}) rotate(-35)"'
        else:
            where = f'x="{middle:.1f}" y="{frame.top - 9:.1f}" text-anchor="middle"'
        drawn.append(f'<text class="head" {where}>{html.escape(_short(name))}</text>')
    return drawn


def _band_names(frame: Frame, columns: Sequence[str], bands: Sequence[str], lines: int) -> list[str]:
    """Over each band its name and a rule; under the pointer its first and last column."""
    drawn, place = [], 0
    for name, names in groupby(bands):
        last = place + len(list(names)) - 1
        x, end = frame.columns[place][0], sum(frame.columns[last])
        narrow = end - x < LETTER * len(name)
        at, anchor = (end, "end") if narrow and place else ((x + end) / 2, "middle")
        title = columns[place] if last == place else f"{columns[place]} to {columns[last]}"
        drawn += [
            f'<text class="head" x="{at:.1f}" y="{frame.top - 9:.1f}" text-anchor="{anchor}">',
            f'{html.escape(_short(name))}</text><path class="rule" d="M{x:.1f} {frame.top - 3:.1f}H{end:.1f}"/>',
            f'<rect x="{x:.1f}" y="{frame.top:.1f}" width="{end - x:.1f}" height="{lines * frame.height:.1f}"',
            f' fill="transparent"><title>{html.escape(title)}</title></rect>',
        ]
        place = last + 1
    return drawn


def _member(frame: Frame, line: int, row: MapRow) -> str:
    y = frame.top + (line + 0.5) * frame.height
    return (
        f'<circle class="s{row.slot}" cx="5" cy="{y:.1f}" r="4" fill="var(--own)"/>'
        f'<text x="18" y="{y + 4.5:.1f}">{html.escape(_short(row.name))}</text>'
    )


def _scale(frame: Frame, y: float, most: float) -> list[str]:
    """What the colours mean, from the most that is taken out to the most that is mixed in."""
    x, step = frame.left + 52, 7.0
    drawn = [
        f'<rect x="{x + step * place:.1f}" y="{y:.1f}" width="{step:.1f}" height="10"'
        f" {_paint((place - SHADES // 2) / (SHADES // 2))}/>"
        for place in range(SHADES + 1)
    ]
    end = x + step * (SHADES + 1)
    drawn.append(
        f'<text class="head" x="{x - 6:.1f}" y="{y + 9:.1f}" text-anchor="end">{MINUS}{number(most, 2)}</text>'
        f'<text class="head" x="{end + 6:.1f}" y="{y + 9:.1f}">{number(most, 2)}</text>'
    )
    return drawn


def _paint(share: float) -> str:
    """Fill of a weight that is such a part of the largest."""
    return f'fill="var(--s{1 if share >= 0 else 2})" fill-opacity="{STRONGEST * abs(share):.3f}"'


def _slanted(columns: Sequence[str], width: float) -> bool:
    return LETTER * max(len(_short(name)) for name in columns) > width - 6


def _short(name: str, most: int = 28) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"
