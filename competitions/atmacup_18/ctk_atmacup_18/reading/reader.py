"""The competition's folder as a data reader of the toolkit."""

from __future__ import annotations

from pathlib import Path

from ctk.contract import DataItem, DataReader, Progress
from ctk.data import FileListings
from ctk_atmacup_18.camera import FILE
from ctk_atmacup_18.columns import TARGETS
from ctk_atmacup_18.reading import preparing, sample_submission
from ctk_atmacup_18.reading.pictures import LIGHTS, PICTURES
from ctk_atmacup_18.reading.tables import GET, TEST, TRAIN, TRUTH


class AtmaCup18Reader(DataReader):
    """Reads train_features.csv and test_features.csv, the pictures and the lights of their rows.

    Pictures lie in images/ID or images/SCENE/DECISECOND and are of any one size; test_truth.csv (ID and targets) and
    camera.json are read where they are. Pictures that an earlier preparation decoded and that have not changed since
    are not decoded again.
    """

    def __init__(self) -> None:
        self._listings = FileListings(GET)

    def prepare(self, folder: Path, place: Path, progress: Progress) -> None:
        """Decode and write the samples; memory is some blocks of rows, and the tables."""
        preparing.prepare(folder, place, (folder / TRAIN).is_file(), self._listings, progress)

    def prepare_test(self, folder: Path, place: Path, progress: Progress) -> int:
        """As ``prepare``, without what there is to train on."""
        preparing.prepare(folder, place, False, self._listings, progress)
        return len(TARGETS)

    def describe(self, folder: Path) -> list[DataItem]:
        """The tables and folders that are needed, and what may be beside them."""
        needed = [(name, folder / name) for name in (TRAIN, TEST, PICTURES, LIGHTS)]
        items = [DataItem(name, *_there(path), GET) for name, path in needed]
        sample = sample_submission.locate(folder)
        items.append(DataItem(sample_submission.NAME, sample, "" if sample else "its header is known", GET))
        more = [folder / name for name in (TRUTH, FILE)]
        return items + [DataItem(path.name, *_there(path), "") for path in more if path.is_file()]

    def stamp(self, path: Path) -> object:
        """Of a folder, one of all its files' sizes and times."""
        return self._listings.digest(path) if path.is_dir() else super().stamp(path)


def _there(path: Path) -> tuple[Path | None, str]:
    if path.is_dir():
        return path, "a folder"
    return (path, f"{path.stat().st_size / 1e6:,.1f} MB") if path.is_file() else (None, "")
