"""Where answers are right: by family and number of karts, and which counts were taken for which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from ctk.contract import Section
from ctk.report import number
from ctk.samples import Array
from ctk_supertux.columns import FAMILIES, FAMILY
from ctk_supertux.evaluation import answers_right, kart_classes

if TYPE_CHECKING:
    from ctk.contract import Results

COUNTED = ("count", "counting")
"""Families whose answers are digits."""
OTHER = "no number"


def section(results: Results) -> Section:
    """Rows: families; columns: karts of the view. The share of right answers and, in brackets, of how many."""
    assert results.blended is not None
    valid = results.valid
    right = answers_right(results.blended, valid.target_values())
    everything = np.ones(len(valid), bool)
    family = valid.groups[FAMILY]
    parts = {"all": everything, **{name: family == place for place, name in enumerate(FAMILIES)}, "other": family < 0}
    classes = {"all": everything, **kart_classes(valid)}
    rows = [
        (name, [_share(right[mask & each]) for each in classes.values()]) for name, mask in parts.items() if mask.any()
    ]
    note = "Share of right answers, by the grader's rule, and of how many, by family of question and karts of the view."
    return Section("Accuracy by family and number of karts", str(_table(note, "family", list(classes), rows)))


def counts(results: Results) -> Section:
    """Rows: true counts; columns: answered ones, of both families that count."""
    assert results.blended is not None
    valid = results.valid
    mask = np.isin(valid.groups[FAMILY], [FAMILIES.index(name) for name in COUNTED])
    true = [_digits(text) for text in valid.target_values()[mask].tolist()]
    given = [_digits(text) for text in np.asarray(results.blended)[mask].tolist()]
    names = sorted({*true, *given}, key=lambda name: (name == OTHER, len(name), name))
    pairs = list(zip(true, given, strict=True))
    rows = [(name, [_count(pairs.count((name, other)), name == other) for other in names]) for name in names]
    heads = [f"{name} answered" for name in names]
    note = "Questions of how many karts there are, by the true count and by the answered one."
    return Section("Counts", str(_table(note, "true", heads, [row for row in rows if row[0] in true])))


def _digits(text: str) -> str:
    stripped = text.strip()
    return stripped if stripped.isascii() and stripped.isdigit() else OTHER


def _share(right: Array) -> Markup:
    return Markup("{} ({:,})").format(number(float(right.mean()), 2), right.size) if right.size else Markup("")


def _count(of: int, agrees: bool) -> Markup:
    return Markup("<b>{:,}</b>" if agrees else "{:,}").format(of)


def _table(note: str, first: str, heads: list[str], rows: list[tuple[str, list[Markup]]]) -> Markup:
    cell = Markup('<td class="number">{}</td>')
    body = Markup("").join(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(name, Markup("").join(cell.format(each) for each in cells))
        for name, cells in rows
    )
    head = Markup("").join(Markup('<th scope="col" class="number">{}</th>').format(name) for name in heads)
    return Markup(
        '<p class="note">{}</p><div class="scroll"><table><thead><tr><th scope="col">{}</th>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>"
    ).format(note, first, head, body)
