"""Every question that can be asked of views, with its answer."""

from __future__ import annotations

import re

import numpy as np

from ctk_supertux.columns import (
    BACK,
    COUNT_BEHIND,
    COUNT_FRONT,
    COUNT_LEFT,
    COUNT_RIGHT,
    EGO_QUESTION,
    FAMILIES,
    FRONT,
    FRONT_QUESTION,
    LEFT,
    RIGHT,
    SIDE_QUESTION,
    TOTAL_QUESTION,
    TRACK_QUESTION,
    WHERE_QUESTION,
)
from ctk_supertux.labels.statements import Columns, Statements
from ctk_supertux.labels.views import Views

ALONE = (EGO_QUESTION, TOTAL_QUESTION, TRACK_QUESTION, COUNT_LEFT, COUNT_RIGHT, COUNT_FRONT, COUNT_BEHIND)
"""Questions of a view that name no kart; after them come those of each kart."""
OF_KART = (SIDE_QUESTION, FRONT_QUESTION, WHERE_QUESTION)
WORDS = (LEFT, RIGHT, FRONT, BACK, *(f"{front} and {side}" for front in (FRONT, BACK) for side in (LEFT, RIGHT)))
EGO, COUNT, TRACK, RELATIVE, COUNTING = range(len(FAMILIES))
FAMILY_OF = {
    **dict.fromkeys(ALONE[3:], COUNTING),
    EGO_QUESTION: EGO,
    TOTAL_QUESTION: COUNT,
    TRACK_QUESTION: TRACK,
}
PATTERNS = tuple(re.compile(re.escape(text).replace(r"\{\}", "(.+)")) for text in OF_KART)


def ask(views: Views, zeros: bool = False) -> Statements:
    """All questions of the five families about every view that has a kart, in the homework's order.

    zeros  whether karts of a direction are counted where there are none; the graded files never ask that
    """
    seen, others = np.flatnonzero(views.counts > 0), views.others
    names, most = len(views.names), int(views.counts.max(initial=0))
    name, digit = len(WORDS), len(WORDS) + names  # where names and digits begin among the answers
    rows = Columns.empty()
    rows.add(EGO, seen, 0, name + views.kart[views.egos[seen]])
    rows.add(COUNT, seen, 1, digit + views.counts[seen])
    rows.add(TRACK, seen, 2, name + views.tracks[seen])

    view, kart, right, back = (each[others] for each in (views.view, views.kart, views.right, views.back))
    three = np.repeat(view, len(OF_KART))  # the three questions of a kart stand together
    text = len(ALONE) + names * np.arange(len(OF_KART)) + kart[:, None]
    answer = np.stack([right, 2 + back, 4 + 2 * back + right], axis=1)
    rows.add(RELATIVE, three, text.reshape(-1), answer.reshape(-1))

    for place, mask in enumerate((~right, right, ~back, back), start=3):
        counts = np.bincount(view[mask], minlength=len(views))[seen]
        asked = counts >= (0 if zeros else 1)
        rows.add(COUNTING, seen[asked], place, digit + counts[asked])
    texts = [*ALONE, *(text.format(name) for text in OF_KART for name in views.names)]
    return rows.ordered(FAMILIES, texts, [*WORDS, *views.names, *map(str, range(most + 1))])


def family_of(question: str) -> int:
    """The place in FAMILIES of a question's family; -1 for one of none."""
    if (family := FAMILY_OF.get(question)) is not None:
        return family
    return RELATIVE if any(pattern.fullmatch(question) for pattern in PATTERNS) else -1
