"""Statements about views as numbers: what a question or a caption is before it is a string."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ctk.samples import Array


@dataclass(frozen=True)
class Statements:
    """Questions with their answers, or captions, rows in the order of views.

    view     (M,) int64 rows of the views
    family   (M,) int64 places in ``families``
    text     (M,) int64 places in ``texts``: the question, or the caption
    answer   (M,) int64 places in ``answers``: the answer; of a caption, the question that it answers, so that those
             which answer the same exclude each other
    """

    view: Array
    family: Array
    text: Array
    answer: Array
    families: Sequence[str]
    texts: Sequence[str]
    answers: Sequence[str]

    def __len__(self) -> int:
        return len(self.view)

    def take(self, rows: Array) -> Statements:
        """Those of these rows, or where a mask holds."""
        return replace(
            self, view=self.view[rows], family=self.family[rows], text=self.text[rows], answer=self.answer[rows]
        )


@dataclass
class Columns:
    """Grows statements family by family, and puts them into the order of views at the end."""

    view: list[Array]
    family: list[Array]
    text: list[Array]
    answer: list[Array]

    @classmethod
    def empty(cls) -> Columns:
        """Without a row."""
        return cls([], [], [], [])

    def add(self, family: int, view: Array, text: Array | int, answer: Array | int) -> None:
        """Append (M,) views with texts and answers, one number standing for all."""
        self.view.append(view)
        for column, values in ((self.family, family), (self.text, text), (self.answer, answer)):
            column.append(np.broadcast_to(np.asarray(values, np.int64), view.shape))

    def ordered(self, families: Sequence[str], texts: Sequence[str], answers: Sequence[str]) -> Statements:
        """All of them, by view, and within a view as they were added."""
        view = np.concatenate(self.view)
        order = np.argsort(view, kind="stable")
        family, text, answer = (np.concatenate(each)[order] for each in (self.family, self.text, self.answer))
        return Statements(view[order], family, text, answer, families, texts, answers)
