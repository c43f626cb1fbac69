"""The homework's folder as captions to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ctk.contract import Progress
from ctk.errors import DataError
from ctk.samples import Array, Samples
from ctk_supertux.columns import (
    CANDIDATES,
    CAPTIONS,
    CHOICES,
    GRADED,
    GRADED_CHOICES,
    KIND,
    KINDS,
    QUESTION,
    TRAIN,
)
from ctk_supertux.labels import (
    CaptionPool,
    Sampling,
    caption,
    draw,
    draw_views,
    draw_wrong,
    kind_and_question,
    label_files,
    list_infos,
    shuffle,
)
from ctk_supertux.reading.folder import GET, HomeworkFolder, NamedPictures
from ctk_supertux.reading.homework_reader import HomeworkReader, RowsOfPictures
from ctk_supertux.reading.records import CaptionRecord, ChoiceRecord, read_records

ALL = Sampling()


@dataclass(frozen=True)
class CaptionChoices(RowsOfPictures):
    """Candidates (N, 5) str of pictures, and the right one's place (N,) int64; None where it is secret."""

    candidates: Array
    right: Array | None


class TuxChoiceReader(HomeworkReader[CaptionChoices]):
    """Reads training captions from train/*_captions.json, or makes them of train/*_info.json; the test is graded.

    A training row is a caption that is true of its picture, and four that are not, drawn from the captions of the
    others in the graded file's mix. Predictions are a score for each candidate.

    generate  which captions are made, where there are no files of captions
    seed      of the wrong candidates and of their order
    """

    graded_file = f"{GRADED}/{GRADED_CHOICES}"
    answer_key = "correct_index"
    width = CHOICES
    told_by_answer = frozenset({QUESTION, KIND})

    def __init__(self, *, generate: Sampling = ALL, seed: int = 1) -> None:
        super().__init__()
        self.generate, self.seed = Sampling.model_validate(generate), seed

    def graded(self, path: Path) -> CaptionChoices:
        """Read graded choices."""
        return read_choices(path)

    def trained(self, home: HomeworkFolder, progress: Progress) -> CaptionChoices:
        """Read files of captions, or make them, and draw four wrong ones for each."""
        folder = home.path / TRAIN
        if files := sorted(folder.glob(f"*{CAPTIONS}")):
            return read_captions(files, home, self.seed)
        views = label_files(list_infos(folder), lambda done, total: progress("labelling frames", done, total))
        captions = caption(views)
        captions = captions.take(draw_views(len(views), self.generate)[captions.view])
        rows = draw(captions, self.generate)
        if not len(rows):
            raise DataError(f"{folder}: there is no kart in any view that can be described.", GET)
        pool = CaptionPool(captions.text, captions.family, captions.view, captions.answer, len(captions.texts))
        names = views.pictures(TRAIN)
        pictures = NamedPictures.named([names[view] for view in captions.view[rows].tolist()], folder)
        notes = [f"made of {len(views):,} views", *views.notes]
        return replace(_with_wrong(pool, rows, captions.texts, pictures, self.seed), views=views, notes=notes)

    def columns(self, rows: CaptionChoices) -> Samples:
        """The candidates, the right one, and what that answers."""
        groups: dict[str, Array] = {}
        if rows.right is not None:
            right = rows.candidates[np.arange(len(rows.candidates)), rows.right]
            texts, of_text = np.unique(right, return_inverse=True)
            facts = [kind_and_question(text) for text in texts.tolist()]
            # the first of these are the kinds that name no kart, in all parts alike
            asked = dict.fromkeys([*KINDS[:-1], *(question for _, question in facts)])
            numbers = {question: number for number, question in enumerate(asked)}
            groups[QUESTION] = np.array([numbers[question] for _, question in facts], np.int64)[of_text]
            groups[KIND] = np.array([kind for kind, _ in facts], np.int64)[of_text]
        return Samples(np.arange(len(rows.candidates)), {CANDIDATES: rows.candidates}, rows.right, groups)

    def about(self, rows: CaptionChoices, train: bool) -> list[str]:
        """Say how many there are."""
        verb = "to train on" if train else "to choose for"
        return [f"{len(rows.candidates):,} captions of {len(rows.pictures.files):,} pictures {verb}", *rows.notes]


def read_choices(path: Path) -> CaptionChoices:
    """Read graded choices. Raises DataError naming the row."""
    records = read_records(path, ChoiceRecord)
    for row, record in enumerate(records, start=1):
        if len(record.candidates) != CHOICES:
            raise DataError(
                f"{path}, row {row:,}, candidates: has {len(record.candidates)}, and a choice is of {CHOICES}."
            )
        if record.correct_index is not None and not 0 <= record.correct_index < CHOICES:
            raise DataError(f"{path}, row {row:,}, correct_index: {record.correct_index} is no place of {CHOICES}.")
    right = [record.correct_index for record in records if record.correct_index is not None]
    if len(right) not in (0, len(records)):
        row = next(row for row, record in enumerate(records, start=1) if record.correct_index is None)
        raise DataError(f"{path}, row {row:,}: there is no correct_index.", "All rows have one, or none has.")
    return CaptionChoices(
        NamedPictures.named([record.image_file for record in records], path),
        np.array([record.candidates for record in records], str),
        np.array(right, np.int64) if right else None,
    )


def read_captions(paths: Sequence[Path], home: HomeworkFolder, seed: int) -> CaptionChoices:
    """Read files of training captions, and draw wrong ones for each.

    What is false of a picture is known where all of them have labels beside them. Else it is what contradicts another
    caption of the picture. Raises DataError naming file and row: for a picture outside train/, and for a caption of no
    form that the graded file has.
    """
    texts: dict[str, int] = {}
    said: list[int] = []
    files: list[str] = []
    for path in paths:
        records = read_records(path, CaptionRecord)
        NamedPictures.named([record.image_file for record in records], path, TRAIN)  # names the file's own row
        for row, record in enumerate(records, start=1):
            if record.caption not in texts and kind_and_question(record.caption)[0] < 0:
                raise DataError(
                    f"{path}, row {row:,}: {record.caption[:80]!r} is no caption of the graded file's form.",
                    "Those are listed in the README; `ctk data tux-clip --generate` makes them.",
                )
            said.append(texts.setdefault(record.caption, len(texts)))
            files.append(record.image_file)
    pictures = NamedPictures.named(files, paths[0])
    text, picture = np.array(said, np.int64), pictures.of
    known = home.known(pictures)
    complete = bool((known.rows >= 0).all())
    if complete:
        true = caption(known.views)
        of_view = np.full(len(known.views), -1, np.int64)
        of_view[known.rows] = np.arange(len(known.rows))
        true = true.take(of_view[true.view] >= 0)
        codes = np.array([texts.setdefault(each, len(texts)) for each in true.texts], np.int64)
        text, picture = np.concatenate([text, codes[true.text]]), np.concatenate([picture, of_view[true.view]])
    facts = [kind_and_question(each) for each in texts]
    questions: dict[str, int] = {}
    question = np.array([questions.setdefault(each, len(questions)) for _, each in facts], np.int64)
    kind = np.array([each for each, _ in facts], np.int64)
    pool = CaptionPool(text, kind[text], picture, question[text], len(texts))
    return _with_wrong(pool, np.arange(len(said)), list(texts), pictures, seed, complete=complete)


def _with_wrong(
    pool: CaptionPool, rows: Array, texts: Sequence[str], pictures: NamedPictures, seed: int, complete: bool = True
) -> CaptionChoices:
    candidates, right = shuffle(pool.text[rows], draw_wrong(pool, rows, seed, complete), seed)
    return CaptionChoices(pictures, np.array(texts, str)[candidates], right)
