"""A dozen rows: the newest frame with the true and the predicted path drawn through the camera, and both from above."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from ctk.contract import Section
from ctk.report import data_uri, number
from ctk.samples import Array
from ctk_atmacup_18.camera import project
from ctk_atmacup_18.columns import AXES, HORIZONS
from ctk_atmacup_18.evaluation import absolute_error

if TYPE_CHECKING:
    from ctk.contract import Results

SHOWN = 12
FAR = 3.0
"""Metres that the car goes in three seconds where there is a path to look at."""
BETWEEN = 8
"""Points between two of a path, so that it enters the picture where it should."""


def section(results: Results) -> Section:
    """The rows as tiles, the best first."""
    assert results.blended is not None
    assert results.valid.target is not None
    error = absolute_error(results.blended, results.valid).mean(axis=1)
    tiles = Markup("").join(
        _tile(results, row, float(error[row])) for row in chosen(error, np.asarray(results.valid.target))
    )
    html = Markup(
        '<p class="note">Validated rows in which the car goes at least {far:g} m, evenly from the best predicted to the'
        " worst: the newest frame with both paths drawn through the camera, and the paths from above, the car at the"
        ' bottom driving up, in metres.</p><ul class="legend"><li><i class="way truth"></i>truth (white in'
        " the pictures)</li>"
        '<li><i class="way blend"></i>blend</li></ul><div class="ways">{tiles}</div>'
    ).format(far=FAR, tiles=tiles)
    return Section("Paths", str(html), CSS)


def chosen(error: Array, target: Array) -> list[int]:
    """At most SHOWN rows, evenly by rank of (N,) errors; those that stand still only where no others are."""
    moving = np.flatnonzero(np.abs(target[:, -len(AXES)]) >= FAR)
    rows = moving if len(moving) else np.arange(len(error))
    ranked = rows[np.argsort(error[rows], kind="stable")]
    return [int(ranked[place]) for place in np.unique(np.linspace(0, len(ranked) - 1, SHOWN).round().astype(int))]


def _tile(results: Results, row: int, error: float) -> Markup:
    assert results.blended is not None
    assert results.valid.target is not None
    valid = results.valid
    true, predicted = (
        np.asarray(values[row], np.float64).reshape(len(HORIZONS), len(AXES))
        for values in (valid.target_values(), results.blended)
    )
    said = f"error {number(error)} m at {number(3.6 * float(valid.features['vEgo'][row]), 0)} km/h"
    return Markup("<figure><figcaption>{}<span>{}</span></figcaption><div>{}{}</div></figure>").format(
        said,
        str(valid.ids[row]),
        frame_svg(np.asarray(valid.features["frames"][row][-1]), true, predicted, valid.constants["camera"]),
        above_svg(true, predicted),
    )


def frame_svg(frame: Array, true: Array, predicted: Array, camera: Array) -> Markup:
    """A picture (H, W, 3) uint8 with two paths (6, 3) in metres drawn through the camera, which end at its edges."""
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(frame).save(content, "png")
    height, width = frame.shape[:2]
    lines = Markup("").join(
        Markup('<polyline class="{} {}" points="{}"/>').format(which, kind, _points(_seen(path, camera)))
        for which, path in (("truth", true), ("blend", predicted))
        for kind in ("casing", "line")
    )
    return Markup(
        '<svg class="frame" viewBox="0 0 {width} {height}" role="img" aria-label="the newest frame with both paths">'
        '<image width="{width}" height="{height}" href="{picture}"/>'
        '<svg width="{width}" height="{height}">{lines}</svg></svg>'
    ).format(width=width, height=height, picture=data_uri(content.getvalue(), "image/png"), lines=lines)


def above_svg(true: Array, predicted: Array) -> Markup:
    """Both paths (6, 3) from above, as high as the frame beside it; one scale for both axes."""
    paths = [np.concatenate([np.zeros((1, len(AXES))), path]) for path in (true, predicted)]
    ahead = max(5.0, *(float(path[:, 0].max()) for path in paths)) * 1.08
    behind = min(0.0, *(float(path[:, 0].min()) for path in paths)) - 0.05 * ahead
    tall = ahead - behind
    aside = max(tall / 4, *(float(np.abs(path[:, 1]).max()) * 1.1 for path in paths))
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500) if tall / step <= 5)
    margin = tall / 3  # for the marks' names
    marks = Markup("").join(
        Markup(
            '<line class="grid" x1="{left:.2f}" x2="{right:.2f}" y1="{at}" y2="{at}"/>'
            '<text x="{left:.2f}" y="{below:.2f}" text-anchor="end" font-size="{size:.2f}">{metres} m</text>'
        ).format(left=-aside, right=aside, at=-at, below=-at + tall / 30, size=tall / 11, metres=at)
        for at in range(step, int(ahead - tall / 30) + 1, step)
    )
    lines = Markup("").join(
        Markup('<polyline class="{} line" points="{}"/>').format(
            which, _points(np.stack([-path[:, 1], -path[:, 0]], 1))
        )
        for which, path in zip(("truth", "blend"), paths, strict=True)
    )
    box = f"{-aside - margin:.2f} {-ahead:.2f} {2 * aside + margin:.2f} {tall:.2f}"
    return Markup('<svg class="above" viewBox="{}" role="img" aria-label="both paths from above">{}{}</svg>').format(
        box, marks, lines
    )


def _seen(path: Array, camera: Array) -> Array:
    """Pixels (n, 2) of a path from the car on, as far as it lies before the camera."""
    whole = np.concatenate([np.zeros((1, len(AXES))), path])
    at = np.linspace(0, len(path), len(path) * BETWEEN + 1)
    fine = np.stack([np.interp(at, np.arange(len(whole)), whole[:, axis]) for axis in range(len(AXES))], axis=1)
    pixels, before = project(fine, camera)
    return pixels[before]


def _points(points: Array) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in points.clip(-9999, 9999))


CSS = """
.ways { display: grid; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); gap: 1.25rem 1.5rem; }
.ways figure > div { display: flex; gap: .5rem; height: 9rem; }
.ways svg { overflow: hidden; }
.ways .frame { height: 100%; min-width: 0; flex: 1; }
.ways .above { height: 100%; width: auto; max-width: 42%; }
.ways figcaption span { display: block; font-weight: 400; color: var(--muted); font-size: .75rem;
  overflow: hidden; text-overflow: ellipsis; }
.ways polyline { fill: none; vector-effect: non-scaling-stroke; stroke-width: 2.5px; stroke-linejoin: round; }
.ways .frame .casing { stroke: #000; stroke-width: 4.5px; opacity: .5; }
.ways .frame .truth.line { stroke: #fff; }
.ways .above .truth { stroke: var(--ink); }
.ways .blend.line { stroke: var(--s2); }
.ways .grid { stroke: var(--line); vector-effect: non-scaling-stroke; }
.ways text { fill: var(--muted); }
.way { display: inline-block; width: 1.4em; margin-right: .5em; vertical-align: .28em;
  border-top: 2px solid var(--ink); }
.way.blend { border-color: var(--s2); }
"""
