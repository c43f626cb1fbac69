"""What both readers of the homework's folders do: find, label and decode. What a row is, each of them says."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Generic, TypeVar, cast

import numpy as np

from ctk.contract import DataItem, DataReader, Progress
from ctk.data import FileListings
from ctk.errors import DataError
from ctk.samples import Array, Data, Samples
from ctk_supertux.columns import FRAME, IMAGE, IMAGE_FILE, KARTS, TRACK, TRAIN
from ctk_supertux.labels import Views
from ctk_supertux.reading.folder import GET, HomeworkFolder, KnownViews, NamedPictures


@dataclass(frozen=True)
class RowsOfPictures:
    """Rows about pictures; what is asked and answered comes with the subclass.

    views  the labels that they were made of, where they were made
    notes  sentences for people
    """

    pictures: NamedPictures
    views: Views | None = field(default=None, kw_only=True)
    notes: Sequence[str] = field(default=(), kw_only=True)


R = TypeVar("R", bound=RowsOfPictures)


class HomeworkReader(DataReader, Generic[R]):
    """Reads what is trained on from train/, or makes it of train/*_info.json; the test is a graded file.

    Nothing is ever trained on that lies in another folder than train/.

    graded_file  path below the homework's folder
    answer_key   what its rows have where the answer is no secret
    width        numbers of a prediction
    told_by_answer  groups that only the answer tells, so that the test has none
    """

    graded_file: ClassVar[str]
    answer_key: ClassVar[str]
    width: ClassVar[int]
    told_by_answer: ClassVar[frozenset[str]] = frozenset()

    def __init__(self) -> None:
        self._listings = FileListings(GET)

    @abstractmethod
    def graded(self, path: Path) -> R:
        """Read a graded file. Raises DataError naming the row."""

    @abstractmethod
    def trained(self, home: HomeworkFolder, progress: Progress) -> R:
        """Read or make what is trained on. Raises DataError naming file and row."""

    @abstractmethod
    def columns(self, rows: R) -> Samples:
        """Rows (N) with their ids, target and own features and groups; those of their pictures are added."""

    @abstractmethod
    def about(self, rows: R, train: bool) -> list[str]:
        """Say how many there are, and what is odd."""

    def read(self, folder: Path) -> Data:
        """Read everything. Raises DataError naming file and row."""
        return self._read(folder, True, _unseen)

    def prepare(self, folder: Path, place: Path, progress: Progress) -> None:
        """Decode and write the samples, each picture once."""
        self._read(folder, (folder / TRAIN).is_dir(), progress).save(place)

    def prepare_test(self, folder: Path, place: Path, progress: Progress) -> int:
        """As ``prepare``, without what there is to train on."""
        self._read(folder, False, progress).save_test(place)
        return self.width

    def describe(self, folder: Path) -> list[DataItem]:
        """The folders and the graded file."""
        return HomeworkFolder(folder, self._listings).describe(self.graded_file)

    def stamp(self, path: Path) -> object:
        """Of a folder, one of all its files' sizes and times."""
        return self._listings.digest(path) if path.is_dir() else super().stamp(path)

    def truth(self, path: Path) -> Samples:
        """The graded rows with their answers, of a homework folder or of a file in one's valid_grader; no pictures.

        Raises DataError.
        """
        folder, file = (path, path / self.graded_file) if path.is_dir() else (path.parent.parent, path)
        rows = self.graded(file)
        known = HomeworkFolder(folder, self._listings).known(rows.pictures)
        samples = self._samples(rows, known, np.unique(known.track))
        if samples.target is None:
            raise DataError(f"{file}: there is no {self.answer_key}.", "A truth has one in each row.")
        return samples

    def _read(self, folder: Path, train: bool, progress: Progress) -> Data:
        home = HomeworkFolder(folder, self._listings)
        parts = {"test": self.graded(folder / self.graded_file)}
        if train:
            parts["train"] = self.trained(home, progress)
        known = {part: home.known(rows.pictures, rows.views) for part, rows in parts.items()}
        tracks = np.unique(np.concatenate([each.track for each in known.values()]))
        samples = {
            part: self._samples(rows, known[part], tracks, {IMAGE: cast("Array", home.decode(rows.pictures, progress))})
            for part, rows in parts.items()
        }
        test = samples["test"]
        groups = {name: values for name, values in test.groups.items() if name not in self.told_by_answer}
        said = [
            line for part in ("train", "test") if part in parts for line in self.about(parts[part], part == "train")
        ]
        said += [] if train else ["nothing to train on, so that only --stage predict works"]
        return Data(
            train=samples.get("train", test.take(np.arange(0))),
            test=replace(test, target=None, groups=groups),
            truth=None if test.target is None else test,
            folder=folder,
            about="; ".join([*said, f"{np.count_nonzero(tracks != ''):,} tracks"]),
        )

    def _samples(self, rows: R, known: KnownViews, tracks: Array, images: Mapping[str, Array] | None = None) -> Samples:
        """Complete rows by what is known of their pictures; ``tracks`` are all names, sorted."""
        own, of = self.columns(rows), rows.pictures.of
        track = np.where(known.track == "", -1, np.searchsorted(tracks, known.track))
        of_picture = {FRAME: rows.pictures.frames, TRACK: track, KARTS: known.karts}
        return replace(
            own,
            features={**(images or {}), **own.features},
            groups={**own.groups, **{name: values.astype(np.int64)[of] for name, values in of_picture.items()}},
            notes={IMAGE_FILE: np.array(rows.pictures.files)[of]},
        )


def _unseen(what: str, done: int, total: int) -> None:
    """Progress that nobody looks at."""
