"""The homework's folder as questions with answers."""

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
    FAMILIES,
    FAMILY,
    FRAME,
    GRADED,
    GRADED_PAIRS,
    IMAGE,
    IMAGE_FILE,
    KARTS,
    PAIRS,
    QUESTION,
    TRACK,
    TRAIN,
)
from ctk_supertux.labels import Sampling, Views, ask, draw, draw_views, family_of, label_files, list_infos
from ctk_supertux.reading.folder import GET, HomeworkFolder, KnownViews, NamedPictures
from ctk_supertux.reading.records import PairRecord, read_records

EVEN = Sampling(balance="answer")
GRADED_FILE = f"{GRADED}/{GRADED_PAIRS}"


@dataclass(frozen=True)
class Pairs:
    """Questions (N,) str with answers (N,) str about pictures; no answers where they are secret.

    views  the labels that they were made of, where they were made
    notes  sentences for people
    """

    question: Array
    answer: Array | None
    pictures: NamedPictures
    views: Views | None = None
    notes: Sequence[str] = ()


class TuxQuestionReader(DataReader):
    """Reads training pairs from train/*_qa_pairs.json, or makes them of train/*_info.json; the test is the graded file.

    Nothing is ever trained on that lies in another folder than train/.

    generate  which questions are made, where there are no files of pairs
    """

    def __init__(self, *, generate: Sampling = EVEN) -> None:
        self.generate = Sampling.model_validate(generate)
        self._listings = FileListings(GET)

    def read(self, folder: Path) -> Data:
        """Read everything. Raises DataError naming file and row."""
        return self._read(folder, True, lambda what, done, total: None)

    def prepare(self, folder: Path, place: Path, progress: Progress) -> None:
        """Decode and write the samples, each picture once."""
        self._read(folder, (folder / TRAIN).is_dir(), progress).save(place)

    def prepare_test(self, folder: Path, place: Path, progress: Progress) -> int:
        """As ``prepare``, without what there is to train on; a prediction is one text."""
        self._read(folder, False, progress).save_test(place)
        return 1

    def describe(self, folder: Path) -> list[DataItem]:
        """The folders and the graded file."""
        return HomeworkFolder(folder, self._listings).describe(GRADED_FILE)

    def stamp(self, path: Path) -> object:
        """Of a folder, one of all its files' sizes and times."""
        return self._listings.digest(path) if path.is_dir() else super().stamp(path)

    def _read(self, folder: Path, train: bool, progress: Progress) -> Data:
        home = HomeworkFolder(folder, self._listings)
        graded = read_pairs([folder / GRADED_FILE])
        trained = self._training_pairs(folder, progress) if train else None
        parts = {"test": graded, **({"train": trained} if trained else {})}
        known = {part: home.known(pairs.pictures, pairs.views) for part, pairs in parts.items()}
        tracks = np.unique(np.concatenate([each.track for each in known.values()]))
        samples = {part: _samples(pairs, known[part], tracks, home, progress) for part, pairs in parts.items()}
        test = samples["test"]
        without = Samples(test.ids, test.features, None, test.groups, test.notes)
        return Data(
            train=samples.get("train", test.take(np.arange(0))),
            test=without,
            truth=test if graded.answer is not None else None,
            folder=folder,
            about=_about(trained, graded, known),
        )

    def _training_pairs(self, folder: Path, progress: Progress) -> Pairs:
        if files := sorted((folder / TRAIN).glob(f"*{PAIRS}")):
            return read_pairs(files, TRAIN)
        paths = list_infos(folder / TRAIN)
        views = label_files(paths, lambda done, total: progress("labelling frames", done, total))
        asked = ask(views, self.generate.zeros)
        asked = asked.take(draw_views(len(views), self.generate)[asked.view])
        asked = asked.take(draw(asked, self.generate))
        if not len(asked):
            raise DataError(f"{folder / TRAIN}: there is no kart in any view that can be asked about.", GET)
        names = views.pictures(TRAIN)
        pictures = NamedPictures.named([names[view] for view in asked.view.tolist()], folder / TRAIN)
        notes = [f"made of {len(views):,} views", *views.notes]
        return Pairs(np.array(asked.texts)[asked.text], np.array(asked.answers)[asked.answer], pictures, views, notes)


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
    return Pairs(
        np.array(questions, str), np.array(answers, str) if answers else None, NamedPictures.named(files, paths[0])
    )


def read_graded(path: Path) -> Samples:
    """The graded questions with their answers, of a homework folder or of a file in one's valid_grader; no pictures.

    Raises DataError.
    """
    file = path / GRADED_FILE if path.is_dir() else path
    pairs = read_pairs([file])
    if pairs.answer is None:
        raise DataError(f"{file}: there are no answers.", "A truth has one in each row.")
    home = HomeworkFolder(path if path.is_dir() else path.parent.parent, FileListings(GET))
    known = home.known(pairs.pictures)
    return _samples(pairs, known, np.unique(known.track), None, lambda what, done, total: None)


def _samples(
    pairs: Pairs, known: KnownViews, tracks: Array, home: HomeworkFolder | None, progress: Progress
) -> Samples:
    """Rows with groups; pictures only where there is a folder to decode them from."""
    texts, of_text = np.unique(pairs.question, return_inverse=True)
    families = np.array([family_of(text) for text in texts.tolist()], np.int64)
    of = pairs.pictures.of
    images: dict[str, Any] = {} if home is None else {IMAGE: home.decode(pairs.pictures, progress)}
    return Samples(
        ids=np.arange(len(of)),
        features={**images, QUESTION: pairs.question},
        target=pairs.answer,
        groups={FAMILY: families[of_text], **picture_groups(pairs.pictures, known, tracks)},
        notes={IMAGE_FILE: np.array(pairs.pictures.files)[of]},
    )


def picture_groups(pictures: NamedPictures, known: KnownViews, tracks: Array) -> dict[str, Array]:
    """Groups (N,) int64 that a row has from its picture; ``tracks`` are all names, sorted."""
    track = np.where(known.track == "", -1, np.searchsorted(tracks, known.track))
    of_picture = {FRAME: pictures.frames, TRACK: track, KARTS: known.karts}
    return {name: values.astype(np.int64)[pictures.of] for name, values in of_picture.items()}


def _about(train: Pairs | None, test: Pairs, known: dict[str, KnownViews]) -> str:
    said = []
    for pairs, verb in ((train, "to train on"), (test, "to answer")):
        if pairs is not None:
            said.append(f"{len(pairs.question):,} questions about {len(pairs.pictures.files):,} pictures {verb}")
            said += pairs.notes
            said += _unknown(pairs)
    if train is None:
        said.append("nothing to train on, so that only --stage predict works")
    tracks = {name for each in known.values() for name in each.track.tolist() if name}
    return "; ".join([*said, f"{len(tracks):,} tracks"])


def _unknown(pairs: Pairs) -> list[str]:
    texts = [text for text in np.unique(pairs.question).tolist() if family_of(text) < 0]
    if not texts:
        return []
    return [f"{len(texts):,} questions of none of the families {', '.join(FAMILIES)}, such as {texts[0][:80]!r}"]
