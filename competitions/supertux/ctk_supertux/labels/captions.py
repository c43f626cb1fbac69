"""Every caption that is true of views."""

from __future__ import annotations

import re

import numpy as np

from ctk_supertux.columns import (
    BEHIND_CAPTION,
    COUNT_CAPTION,
    EGO_CAPTION,
    FRONT_CAPTION,
    KINDS,
    LEFT_CAPTION,
    RIGHT_CAPTION,
    TRACK_CAPTION,
)
from ctk_supertux.labels.statements import Columns, Statements
from ctk_supertux.labels.views import Views

OF_NAME = (EGO_CAPTION, TRACK_CAPTION, LEFT_CAPTION, RIGHT_CAPTION, FRONT_CAPTION, BEHIND_CAPTION)
"""Captions that name a kart or a track; after those of each name come the counts."""
EGO, COUNT, TRACK, RELATIVE = range(len(KINDS))
SIDE_OF, FRONT_OF = "side of {}", "front of {}"
"""The questions that captions of two karts answer."""
PATTERNS = tuple(
    (re.compile(re.escape(text).replace(r"\{\}", "(.+)")), kind, question)
    for text, kind, question in (
        (EGO_CAPTION, EGO, "ego"),
        (COUNT_CAPTION, COUNT, "count"),
        (TRACK_CAPTION, TRACK, "track"),
        (LEFT_CAPTION, RELATIVE, SIDE_OF),
        (RIGHT_CAPTION, RELATIVE, SIDE_OF),
        (FRONT_CAPTION, RELATIVE, FRONT_OF),
        (BEHIND_CAPTION, RELATIVE, FRONT_OF),
    )
)


def caption(views: Views) -> Statements:
    """All captions that are true of every view that has a kart: ego, count and track, then side and front of others.

    An answer is the question that a caption answers: "ego", "count", "track", "side of KART", "front of KART".
    """
    seen, others = np.flatnonzero(views.counts > 0), views.others
    names, most = len(views.names), int(views.counts.max(initial=0))
    rows = Columns.empty()
    rows.add(EGO, seen, views.kart[views.egos[seen]], EGO)
    rows.add(COUNT, seen, len(OF_NAME) * names + views.counts[seen], COUNT)
    rows.add(TRACK, seen, names + views.tracks[seen], TRACK)

    view, kart, right, back = (each[others] for each in (views.view, views.kart, views.right, views.back))
    text = names * np.stack([2 + right, 4 + back], axis=1) + kart[:, None]
    question = RELATIVE + names * np.arange(2) + kart[:, None]
    rows.add(RELATIVE, np.repeat(view, 2), text.reshape(-1), question.reshape(-1))
    texts = [*(text.format(name) for text in OF_NAME for name in views.names)]
    return rows.ordered(
        KINDS,
        [*texts, *(COUNT_CAPTION.format(count) for count in range(most + 1))],
        [*KINDS[:RELATIVE], *(text.format(name) for text in (SIDE_OF, FRONT_OF) for name in views.names)],
    )


def kind_and_question(text: str) -> tuple[int, str]:
    """The place in KINDS of a caption's kind, and the question that it answers; (-1, "") for one of no kind."""
    for pattern, kind, question in PATTERNS:
        if match := pattern.fullmatch(text):
            return kind, question.format(match[1])
    return -1, ""
