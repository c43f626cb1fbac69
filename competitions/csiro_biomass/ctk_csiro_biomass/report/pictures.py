"""A dozen validated pictures, evenly from the best predicted to the worst, with bars of true and predicted grams."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from ctk.contract import Section
from ctk.report import data_uri, number
from ctk.samples import Array
from ctk_csiro_biomass.columns import DATE, IMAGE, STATE, TARGETS, WEIGHTS

if TYPE_CHECKING:
    from ctk.contract import Results

SHOWN = 12
WIDTH = 320
"""Pixels of a picture in the page."""


def section(results: Results) -> Section:
    """The pictures as tiles, the best first; an error is the root of the weighted mean of squares, grams."""
    assert results.blended is not None
    target = results.valid.target_values().astype(np.float64)
    predicted = np.asarray(results.blended, np.float64)
    error = np.sqrt(((predicted - target) ** 2) @ np.array(WEIGHTS))
    most = max(float(target.max()), float(predicted.max()), 1.0)
    tiles = Markup("").join(_tile(results, row, float(error[row]), most) for row in chosen(error))
    html = Markup(
        '<p class="note">Validated pictures, evenly from the best predicted to the worst, by the root of the squared'
        " errors weighted as in the metric; bars are grams, of the same length in all.</p>"
        '<ul class="legend"><li><i class="grams truth"></i>truth</li><li><i class="grams blend"></i>blend</li></ul>'
        '<div class="pastures">{}</div>'
    ).format(tiles)
    return Section("Pictures", str(html), CSS)


def chosen(error: Array) -> list[int]:
    """At most SHOWN rows, evenly by rank of (N,) errors."""
    ranked = np.argsort(error, kind="stable")
    return [int(ranked[place]) for place in np.unique(np.linspace(0, len(ranked) - 1, SHOWN).round().astype(int))]


def _tile(results: Results, row: int, error: float, most: float) -> Markup:
    assert results.blended is not None
    valid = results.valid
    rows = Markup("").join(
        Markup(
            '<tr><th scope="row">{}</th><td><i class="grams truth" style="--share: {:.4f}"></i>'
            '<i class="grams blend" style="--share: {:.4f}"></i></td><td class="number">{}</td>'
            '<td class="number">{}</td></tr>'
        ).format(name, max(0.0, float(true)) / most, max(0.0, float(ours)) / most, number(float(true), 1),
                 number(float(ours), 1))
        for name, true, ours in zip(TARGETS, valid.target_values()[row], results.blended[row], strict=True)
    )  # fmt: skip
    known = " ".join(str(valid.features[name][row]) for name in (STATE, DATE) if name in valid.features)
    return Markup(
        "<figure><figcaption>{} g off<span>{} {}</span></figcaption>"
        '<img src="{}" alt="picture {}"><table>{}</table></figure>'
    ).format(number(error, 1), valid.ids[row], known, _picture(valid.features[IMAGE][row]), valid.ids[row], rows)


def _picture(pixels: Array) -> str:
    """A picture (H, W, 3) uint8 as a JPEG of at most WIDTH."""
    from PIL import Image

    picture = Image.fromarray(np.asarray(pixels))
    picture.thumbnail((WIDTH, WIDTH))
    content = io.BytesIO()
    picture.save(content, "jpeg", quality=85)
    return data_uri(content.getvalue(), "image/jpeg")


CSS = """
.pastures { display: grid; grid-template-columns: repeat(auto-fill, minmax(18rem, 1fr)); gap: 1.2rem; }
.pastures figcaption { display: flex; justify-content: space-between; gap: 1rem; }
.pastures img { width: 100%; display: block; }
.pastures table { width: 100%; }
.pastures td:nth-child(2) { width: 45%; vertical-align: middle; }
i.grams { display: block; height: 0.35rem; margin: 1px 0; width: calc(100% * var(--share)); }
.legend i.grams { display: inline-block; width: 1.4rem; margin-right: 0.4rem; }
i.grams.truth { background: var(--ink); }
i.grams.blend { background: var(--s1); }
"""
