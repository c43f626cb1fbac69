"""The homework's folder as questions with answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ctk.contract import Progress
from ctk.errors import DataError
from ctk.samples import Array, Samples
from ctk_supertux.columns import (
    FAMILIES,
    FAMILY,
    GRADED,
    GRADED_PAIRS,
    PAIRS,
    QUESTION,
    TRAIN,
)
from ctk_supertux.labels import Sampling, ask, draw, draw_views, family_of, label_files, list_infos
from ctk_supertux.reading.folder import GET, HomeworkFolder, NamedPictures
from ctk_supertux.reading.homework_reader import HomeworkReader, RowsOfPictures
from ctk_supertux.reading.records import PairRecord, read_records

EVEN = Sampling(balance="answer")


@dataclass(frozen=True)
class Pairs(RowsOfPictures):
    """Questions (N,) str with answers (N,) str about pictures; no answers where they are secret."""

    question: Array
    answer: Array | None


class TuxQuestionReader(HomeworkReader[Pairs]):
    """Reads training pairs from train/*_qa_pairs.json, or makes them of train/*_info.json; the test is the graded file.

    generate  which questions are made, where there are no files of pairs
    """

    graded_file = f"{GRADED}/{GRADED_PAIRS}"
    answer_key = "answer"
    width = 1

    def __init__(self, *, generate: Sampling = EVEN) -> None:
        super().__init__()
        self.generate = Sampling.model_validate(generate)

    def graded(self, path: Path) -> Pairs:
        """Read graded pairs."""
        return read_pairs([path])

    def trained(self, home: HomeworkFolder, progress: Progress) -> Pairs:
        """Read files of pairs, or make some of each family as even as there are such."""
        folder = home.path / TRAIN
        if files := sorted(folder.glob(f"*{PAIRS}")):
            return read_pairs(files, TRAIN)
        views = label_files(list_infos(folder), lambda done, total: progress("labelling frames", done, total))
        asked = ask(views, self.generate.zeros)
        asked = asked.take(draw_views(len(views), self.generate)[asked.view])
        asked = asked.take(draw(asked, self.generate))
        if not len(asked):
            raise DataError(f"{folder}: there is no kart in any view that can be asked about.", GET)
        names = views.pictures(TRAIN)
        return Pairs(
            NamedPictures.named([names[view] for view in asked.view.tolist()], folder),
            np.array(asked.texts)[asked.text],
            np.array(asked.answers)[asked.answer],
            views=views,
            notes=[f"made of {len(views):,} views", *views.notes],
        )

    def columns(self, rows: Pairs) -> Samples:
        """The question, its family, and the answer."""
        texts, of_text = np.unique(rows.question, return_inverse=True)
        families = np.array([family_of(text) for text in texts.tolist()], np.int64)
        ids, groups = np.arange(len(rows.question)), {FAMILY: families[of_text]}
        return Samples(ids, {QUESTION: rows.question}, rows.answer, groups)

    def about(self, rows: Pairs, train: bool) -> list[str]:
        """Say how many there are, and which are of no family."""
        verb = "to train on" if train else "to answer"
        said = [f"{len(rows.question):,} questions about {len(rows.pictures.files):,} pictures {verb}", *rows.notes]
        if texts := [text for text in np.unique(rows.question).tolist() if family_of(text) < 0]:
            families = ", ".join(FAMILIES)
            said.append(f"{len(texts):,} questions of none of the families {families}, such as {texts[0][:80]!r}")
        return said


def read_pairs(paths: Sequence[Path], within: str = "") -> Pairs:
    """Read files of pairs one after another; ``within`` is the only folder that pictures may lie in.

    Raises DataError naming file and row.
    """
    questions: list[str] = []
    answers: list[str] = []
    files: list[str] = []
    for path in paths:
        records = read_records(path, PairRecord)
        NamedPictures.named([record.image_file for record in records], path, within)  # names the file's own row
        told = [record.answer for record in records if record.answer is not None]
        if len(told) not in ((len(records),) if within else (0, len(records))):
            row = next(row for row, record in enumerate(records, start=1) if record.answer is None)
            raise DataError(f"{path}, row {row:,}: there is no answer.", "All rows have one, or none has.")
        answers += told
        questions += [record.question for record in records]
        files += [record.image_file for record in records]
    told_all = np.array(answers, str) if answers else None
    return Pairs(NamedPictures.named(files, paths[0]), np.array(questions, str), told_all)
