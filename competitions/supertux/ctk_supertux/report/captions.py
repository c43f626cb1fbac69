"""A dozen frames with their five captions and scores, and which kind of caption was chosen in whose place."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from ctk.contract import Section
from ctk.report import data_uri, number
from ctk.samples import Array
from ctk_supertux.columns import CANDIDATES, IMAGE, IMAGE_FILE, KINDS
from ctk_supertux.labels import kind_and_question

if TYPE_CHECKING:
    from ctk.contract import Results

SHOWN = 12


def section(results: Results) -> Section:
    """Tiles from the surest right choice to the most mistaken one, by the right caption's score."""
    assert results.blended is not None
    valid, scores = results.valid, np.asarray(results.blended, np.float64)
    ranked = np.argsort(-scores[np.arange(len(valid)), valid.target_values()], kind="stable")
    rows = np.unique(np.linspace(0, len(ranked) - 1, SHOWN).round().astype(int))
    html = Markup(
        '<p class="note">Validated frames, evenly by the score of the right caption, which is bold; scores of a frame'
        ' add up to 1.</p><div class="choices">{}</div>'
    ).format(Markup("").join(_tile(results, int(row), scores[row]) for row in ranked[rows]))
    return Section("Captions and scores", str(html), CSS)


def confusion(results: Results) -> Section:
    """Rows: kinds of right captions; columns: kinds of chosen ones, and right choices among those of the same kind."""
    assert results.blended is not None
    valid = results.valid
    target, chosen = valid.target_values(), np.asarray(results.blended).argmax(axis=1)
    texts, of = np.unique(valid.features[CANDIDATES], return_inverse=True)
    kinds = np.array([kind_and_question(text)[0] for text in texts.tolist()])[of.reshape(len(valid), -1)]
    each = np.arange(len(valid))
    right, taken = kinds[each, target], kinds[each, chosen]
    rows = [
        (name, Markup("").join(_count(right == row, taken == column, chosen == target) for column in range(len(KINDS))))
        for row, name in enumerate(KINDS)
        if (right == row).any()
    ]
    body = Markup("").join(Markup('<tr><th scope="row">{}</th>{}</tr>').format(*row) for row in rows)
    heads = Markup("").join(Markup('<th scope="col" class="number">{} chosen</th>').format(name) for name in KINDS)
    html = Markup(
        '<p class="note">Choices by the kind of the right caption and of the chosen one; in brackets how many of them'
        ' are right.</p><div class="scroll"><table><thead><tr><th scope="col">right is</th>{}</tr></thead><tbody>{}'
        "</tbody></table></div>"
    ).format(heads, body)
    return Section("Kinds of captions", str(html))


def _count(right: Array, taken: Array, good: Array) -> Markup:
    both = right & taken
    hits = int((both & good).sum())
    return Markup('<td class="number">{:,}{}</td>').format(int(both.sum()), f" ({hits:,})" if hits else "")


def _tile(results: Results, row: int, scores: Array) -> Markup:
    valid = results.valid
    target, file = int(valid.target_values()[row]), str(valid.notes[IMAGE_FILE][row])
    lines = Markup("").join(
        Markup('<li class="{}"><span>{}</span><span>{}</span><i style="--share: {:.4f}"></i></li>').format(
            "right" if place == target else "", text, number(float(score), 2), float(score)
        )
        for place, (text, score) in enumerate(zip(valid.features[CANDIDATES][row], scores, strict=True))
    )
    told = "right" if int(scores.argmax()) == target else "wrong"
    return Markup(
        '<figure><figcaption>{}<span>{}</span></figcaption><img src="{}" alt="{}"><ul>{}</ul></figure>'
    ).format(told, file, _jpeg(valid.features[IMAGE][row]), file, lines)


def _jpeg(pixels: Array) -> str:
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(np.asarray(pixels)).save(content, "jpeg", quality=85)
    return data_uri(content.getvalue(), "image/jpeg")


CSS = """
.choices { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 1.2rem; }
.choices figcaption, .choices li { display: flex; justify-content: space-between; flex-wrap: wrap; gap: 0 1rem; }
.choices img { width: 100%; display: block; }
.choices ul { list-style: none; padding: 0; }
.choices li.right { font-weight: bold; }
.choices i { flex-basis: 100%; }
.choices i::before {
  content: ""; display: block; height: 0.3rem; width: calc(100% * var(--share)); background: var(--s1);
}
"""
