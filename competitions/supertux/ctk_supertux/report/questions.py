"""Validated frames with their question, the answer and the truth, some of each family."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from ctk.contract import Section
from ctk.samples import Array
from ctk_supertux.columns import FAMILIES, FAMILY, IMAGE, IMAGE_FILE, QUESTION
from ctk_supertux.evaluation import answers_right
from ctk_supertux.report.pictures import jpeg

if TYPE_CHECKING:
    from ctk.contract import Results

OF_FAMILY = 4


def section(results: Results) -> Section:
    """Tiles by family, in each evenly from answers that are right to such as are wrong."""
    assert results.blended is not None
    valid = results.valid
    right = answers_right(results.blended, valid.target_values())
    parts = Markup("").join(
        Markup('<h3>{}</h3><div class="asked">{}</div>').format(
            name, Markup("").join(_tile(results, row, bool(right[row])) for row in shown)
        )
        for place, name in enumerate(FAMILIES)
        if (shown := chosen(right, valid.groups[FAMILY] == place))
    )
    html = Markup(
        '<p class="note">Validated frames by family of question, evenly from right answers to wrong ones.</p>{}'
    ).format(parts)
    return Section("Questions and answers", str(html), CSS)


def chosen(right: Array, mask: Array) -> list[int]:
    """At most OF_FAMILY rows of a mask (N,) bool, evenly by rank, right ones first."""
    rows = np.flatnonzero(mask)
    ranked = rows[np.argsort(~right[rows], kind="stable")]
    if not len(ranked):
        return []
    return [int(ranked[place]) for place in np.unique(np.linspace(0, len(ranked) - 1, OF_FAMILY).round().astype(int))]


def _tile(results: Results, row: int, right: bool) -> Markup:
    assert results.blended is not None
    valid = results.valid
    file = str(valid.notes[IMAGE_FILE][row])
    return Markup(
        '<figure><figcaption>{}<span>{}</span></figcaption><img src="{}" alt="{}"><p>{}</p>'
        "<dl><dt>answer</dt><dd>{}</dd><dt>truth</dt><dd>{}</dd></dl></figure>"
    ).format(
        "right" if right else "wrong",
        file,
        jpeg(valid.features[IMAGE][row]),
        file,
        valid.features[QUESTION][row],
        str(results.blended[row]) or "nothing",
        valid.target_values()[row],
    )


CSS = """
.asked { display: grid; grid-template-columns: repeat(auto-fill, minmax(14rem, 1fr)); gap: 1.2rem; }
.asked figcaption { display: flex; justify-content: space-between; flex-wrap: wrap; gap: 0 1rem; }
.asked img { width: 100%; display: block; }
.asked dl { display: grid; grid-template-columns: auto 1fr; gap: 0 1rem; margin: 0; }
.asked dd { margin: 0; font-weight: bold; }
"""
