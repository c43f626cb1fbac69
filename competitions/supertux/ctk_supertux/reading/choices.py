"""The homework's folder as captions to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ctk.contract import DataItem, DataReader, Progress
from ctk.data import FileListings
from ctk.errors import DataError
from ctk.samples import Array, Data, Samples
from ctk_supertux.columns import (
    CANDIDATES,
    CAPTIONS,
    CHOICES,
    GRADED,
    GRADED_CHOICES,
    IMAGE,
    IMAGE_FILE,
    KIND,
    KINDS,
    QUESTION,
    TRAIN,
)
from ctk_supertux.labels import (
    CaptionPool,
    Sampling,
    Views,
    caption,
    draw,
    draw_views,
    draw_wrong,
    kind_and_question,
    label_files,
    list_infos,
    shuffle,
)
from ctk_supertux.reading.folder import GET, HomeworkFolder, KnownViews, NamedPictures
from ctk_supertux.reading.questions import picture_groups
from ctk_supertux.reading.records import CaptionRecord, ChoiceRecord, read_records

ALL = Sampling()
GRADED_FILE = f"{GRADED}/{GRADED_CHOICES}"


@dataclass(frozen=True)
class CaptionChoices:
    """Candidates (N, 5) str of pictures, and the right one's place (N,) int64; None where it is secret.

    views  the labels that they were made of, where they were made
    notes  sentences for people
    """

    candidates: Array
    right: Array | None
    pictures: NamedPictures
    views: Views | None = None
    notes: Sequence[str] = ()


class TuxChoiceReader(DataReader):
    """Reads training captions from train/*_captions.json, or makes them of train/*_info.json; the test is graded.

    A training row is a caption that is true of its picture, and four that are not, drawn from the captions of the
    others in the graded file's mix. Nothing is ever trained on that lies in another folder than train/.

    generate  which captions are made, where there are no files of captions
    seed      of the wrong candidates and of their order
    """

    def __init__(self, *, generate: Sampling = ALL, seed: int = 1) -> None:
        self.generate, self.seed = Sampling.model_validate(generate), seed
        self._listings = FileListings(GET)

    def read(self, folder: Path) -> Data:
        """Read everything. Raises DataError naming file and row."""
        return self._read(folder, True, lambda what, done, total: None)

    def prepare(self, folder: Path, place: Path, progress: Progress) -> None:
        """Decode and write the samples, each picture once."""
        self._read(folder, (folder / TRAIN).is_dir(), progress).save(place)

    def prepare_test(self, folder: Path, place: Path, progress: Progress) -> int:
        """As ``prepare``, without what there is to train on; a prediction is a score for each candidate."""
        self._read(folder, False, progress).save_test(place)
        return CHOICES

    def describe(self, folder: Path) -> list[DataItem]:
        """The folders and the graded file."""
        return HomeworkFolder(folder, self._listings).describe(GRADED_FILE)

    def stamp(self, path: Path) -> object:
        """Of a folder, one of all its files' sizes and times."""
        return self._listings.digest(path) if path.is_dir() else super().stamp(path)

    def _read(self, folder: Path, train: bool, progress: Progress) -> Data:
        home = HomeworkFolder(folder, self._listings)
        graded = read_choices(folder / GRADED_FILE)
        trained = self._training_choices(home, progress) if train else None
        parts = {"test": graded, **({"train": trained} if trained else {})}
        known = {part: home.known(choices.pictures, choices.views) for part, choices in parts.items()}
        tracks = np.unique(np.concatenate([each.track for each in known.values()]))
        samples = {part: _samples(each, known[part], tracks, home, progress) for part, each in parts.items()}
        test = samples["test"]
        groups = {name: values for name, values in test.groups.items() if name not in (QUESTION, KIND)}
        return Data(
            train=samples.get("train", test.take(np.arange(0))),
            test=Samples(test.ids, test.features, None, groups, test.notes),
            truth=test if graded.right is not None else None,
            folder=folder,
            about=_about(trained, graded, known),
        )

    def _training_choices(self, home: HomeworkFolder, progress: Progress) -> CaptionChoices:
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
        return _with_wrong(pool, rows, captions.texts, pictures, self.seed, views, notes)


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
        np.array([record.candidates for record in records], str),
        np.array(right, np.int64) if right else None,
        NamedPictures.named([record.image_file for record in records], path),
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


def read_graded(path: Path) -> Samples:
    """The graded choices with the right ones, of a homework folder or of a file in one's valid_grader; no pictures.

    Raises DataError.
    """
    file = path / GRADED_FILE if path.is_dir() else path
    choices = read_choices(file)
    if choices.right is None:
        raise DataError(f"{file}: there is no correct_index.", "A truth has one in each row.")
    known = HomeworkFolder(path if path.is_dir() else path.parent.parent, FileListings(GET)).known(choices.pictures)
    return _samples(choices, known, np.unique(known.track), None, lambda what, done, total: None)


def _with_wrong(
    pool: CaptionPool,
    rows: Array,
    texts: Sequence[str],
    pictures: NamedPictures,
    seed: int,
    views: Views | None = None,
    notes: Sequence[str] = (),
    complete: bool = True,
) -> CaptionChoices:
    candidates, right = shuffle(pool.text[rows], draw_wrong(pool, rows, seed, complete), seed)
    return CaptionChoices(np.array(texts, str)[candidates], right, pictures, views, notes)


def _samples(
    choices: CaptionChoices, known: KnownViews, tracks: Array, home: HomeworkFolder | None, progress: Progress
) -> Samples:
    """Rows with groups; pictures only where there is a folder to decode them from."""
    of = choices.pictures.of
    groups = picture_groups(choices.pictures, known, tracks)
    if choices.right is not None:
        right = choices.candidates[np.arange(len(of)), choices.right]
        texts, of_text = np.unique(right, return_inverse=True)
        facts = [kind_and_question(text) for text in texts.tolist()]
        # the first of these are the kinds that name no kart, in all parts alike
        asked = dict.fromkeys([*KINDS[:-1], *(question for _, question in facts)])
        numbers = {question: number for number, question in enumerate(asked)}
        groups[QUESTION] = np.array([numbers[question] for _, question in facts], np.int64)[of_text]
        groups[KIND] = np.array([kind for kind, _ in facts], np.int64)[of_text]
    images: dict[str, Any] = {} if home is None else {IMAGE: home.decode(choices.pictures, progress)}
    return Samples(
        ids=np.arange(len(of)),
        features={**images, CANDIDATES: choices.candidates},
        target=choices.right,
        groups=groups,
        notes={IMAGE_FILE: np.array(choices.pictures.files)[of]},
    )


def _about(train: CaptionChoices | None, test: CaptionChoices, known: dict[str, KnownViews]) -> str:
    said = []
    for choices, verb in ((train, "to train on"), (test, "to choose for")):
        if choices is not None:
            pictures = len(choices.pictures.files)
            said.append(f"{len(choices.candidates):,} captions of {pictures:,} pictures {verb}")
            said += choices.notes
    if train is None:
        said.append("nothing to train on, so that only --stage predict works")
    tracks = {name for each in known.values() for name in each.track.tolist() if name}
    return "; ".join([*said, f"{len(tracks):,} tracks"])
