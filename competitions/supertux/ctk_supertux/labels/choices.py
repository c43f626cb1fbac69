"""Five captions of a view, one of which is true, as the graded file has them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ctk.errors import DataError
from ctk.samples import Array
from ctk_supertux.columns import CHOICES

RIGHT_KINDS = np.array([45, 58, 55, 42]) / 200
"""Of the graded file's 200 right captions: ego, count, track, relative."""
WRONG_KINDS = np.array([330 - 45, 188 - 58, 400 - 55, 82 - 42]) / 800
"""Of its 800 wrong ones."""
TRIES = 200


@dataclass(frozen=True)
class CaptionPool:
    """The captions that wrong candidates are drawn from, with what is true of each picture.

    text      (M,) int64: captions of the data, each as often as it is there
    kind      (M,) int64: places in KINDS
    picture   (M,) int64: the picture that each is true of
    question  (M,) int64: what each answers
    texts     how many different captions there are
    """

    text: Array
    kind: Array
    picture: Array
    question: Array
    texts: int

    def true_of(self, picture: Array, text: Array) -> Array:
        """Whether captions are among those of pictures, of any shape."""
        return np.isin(picture * self.texts + text, self.picture * self.texts + self.text)


def draw_wrong(pool: CaptionPool, rows: Array, seed: int, complete: bool = True) -> Array:
    """Draw four wrong captions for each right one, (N, 4) int64, in the mix of kinds of the graded file.

    rows      (N,) int64 rows of the pool: the right ones
    complete  whether the pool has every caption that is true of a picture. Else a caption is wrong only where the
              picture has another one that answers the same question
    Raises DataError where there are not so many.
    """
    generator = np.random.default_rng([seed, 2])
    by_kind = [pool.text[pool.kind == kind] for kind in range(len(WRONG_KINDS))]
    there = np.array([len(texts) > 0 for texts in by_kind])
    shares = WRONG_KINDS * there / (WRONG_KINDS * there).sum()
    picture = pool.picture[rows][:, None]
    chosen = np.full((len(rows), CHOICES - 1), -1, np.int64)
    for attempt in range(TRIES):
        empty = np.argwhere(chosen < 0)
        if not len(empty):
            return chosen
        drawn = np.empty(len(empty), np.int64)
        kinds = generator.choice(len(shares), len(empty), p=shares if attempt < TRIES // 2 else there / there.sum())
        for kind, texts in enumerate(by_kind):
            if (mask := kinds == kind).any():
                drawn[mask] = generator.choice(texts, int(mask.sum()))
        row, place = empty.T
        wrong = ~pool.true_of(picture[row, 0], drawn)
        if not complete:
            wrong &= _answered(pool, picture[row, 0], drawn)
        chosen[row, place] = np.where(wrong, drawn, -1)
        chosen[_repeated(chosen)] = -1
    raise DataError(
        f"Captions: there are not {CHOICES - 1} different ones that are false of a picture.",
        "More frames have more karts and tracks.",
    )


def shuffle(right: Array, wrong: Array, seed: int) -> tuple[Array, Array]:
    """Candidates (N, 5) int64 in a random order, and the right one's place (N,) int64."""
    place = np.random.default_rng([seed, 3]).integers(0, CHOICES, len(right))
    others = np.arange(CHOICES - 1) + (np.arange(CHOICES - 1) >= place[:, None])
    candidates = np.empty((len(right), CHOICES), np.int64)
    candidates[np.arange(len(right)), place] = right
    np.put_along_axis(candidates, others, wrong, axis=1)
    return candidates, place


def _answered(pool: CaptionPool, picture: Array, text: Array) -> Array:
    """Whether a picture has a caption that answers what another caption answers."""
    question = np.zeros(pool.texts, np.int64)
    question[pool.text] = pool.question
    asked = int(pool.question.max(initial=0)) + 1
    return np.isin(picture * asked + question[text], pool.picture * asked + pool.question)


def _repeated(chosen: Array) -> Array:
    """(N, 4) bool: what stands further left in its row already."""
    same = (chosen[:, :, None] == chosen[:, None, :]) & (chosen[:, :, None] >= 0)
    return np.asarray(np.tril(same, -1).any(axis=2))
