"""Graded files as the course's: questions even by family, and choices of five captions, one picture each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ctk.errors import DataError
from ctk.files import write_text
from ctk_supertux.columns import GRADED_CHOICES, GRADED_PAIRS, KINDS
from ctk_supertux.labels.captions import caption
from ctk_supertux.labels.choices import RIGHT_KINDS, CaptionPool, draw_wrong, shuffle
from ctk_supertux.labels.questions import ask
from ctk_supertux.labels.sampling import Sampling, draw
from ctk_supertux.labels.views import Views
from ctk_supertux.labels.writing import write_pairs

QUESTIONS, CHOICES_OF = 120, 200
"""Rows of the course's two files."""


def write_graded(
    folder: Path,
    views: Views,
    pictures: Sequence[str],
    questions: int = QUESTIONS,
    choices: int = CHOICES_OF,
    seed: int = 1,
) -> tuple[int, int]:
    """Write both graded files about views into a folder; as many rows as there are views for. Returns how many.

    Counts that are 0 are not asked for, and no wrong candidate is true, which 12 of the course's 200 are.
    """
    asked = ask(views)
    asked = asked.take(draw(asked, Sampling(balance="family", limit=questions, seed=seed)))
    write_pairs(folder / GRADED_PAIRS, asked, pictures)
    records = make_choices(views, pictures, choices, seed)
    write_text(folder / GRADED_CHOICES, json.dumps(records, indent=1) + "\n")
    return len(asked), len(records)


def make_choices(views: Views, pictures: Sequence[str], limit: int, seed: int) -> list[dict[str, object]]:
    """Records {image_file, candidates, correct_index} of different pictures, kinds in the course's mix.

    Raises DataError where the views do not have four wrong captions.
    """
    captions = caption(views)
    if not len(captions):
        raise DataError("There is no kart in any of these views: nothing can be asked about them.")
    generator = np.random.default_rng([seed, 4])
    chosen: list[int] = []
    left = generator.permutation(np.unique(captions.view))[:limit]
    several = views.counts[left] > 1  # only these have a relative caption
    wanted = np.round(RIGHT_KINDS * len(left)).astype(int)
    kinds = generator.permutation(np.repeat(np.arange(len(KINDS) - 1), wanted[:-1]))
    relative = np.flatnonzero(several)[: wanted[-1]]
    kind_of = np.full(len(left), -1, np.int64)
    kind_of[relative] = len(KINDS) - 1
    others = np.flatnonzero(kind_of < 0)
    kind_of[others] = np.resize(kinds, len(others))
    for view, kind in zip(left.tolist(), kind_of.tolist(), strict=True):
        rows = np.flatnonzero((captions.view == view) & (captions.family == kind))
        chosen.append(int(generator.choice(rows)))
    rows = np.array(chosen, np.int64)
    pool = CaptionPool(captions.text, captions.family, captions.view, captions.answer, len(captions.texts))
    candidates, right = shuffle(captions.text[rows], draw_wrong(pool, rows, seed), seed)
    return [
        {
            "image_file": pictures[captions.view[row]],
            "candidates": [captions.texts[text] for text in candidates[place].tolist()],
            "correct_index": int(right[place]),
        }
        for place, row in enumerate(rows.tolist())
    ]
