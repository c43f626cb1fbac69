"""What a data reader is: it turns one layout of files into samples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ctk.samples import Data

if TYPE_CHECKING:
    pass


class DataItem(NamedTuple):
    """An item of the data, a row of ``ctk data``: where it is (None if missing), a detail, how to get it."""

    item: str
    path: Path | None
    detail: str
    how: str


Progress = Callable[[str, int, int], None]
"""Told how far long work is: what is being done, how much of it is done, of how much."""


class DataReader(ABC):
    """Reads one layout of files into samples. A subclass has ``read``, or ``prepare`` for more than memory holds."""

    def read(self, folder: Path) -> Data:
        """Read samples from a folder. Raises DataError naming file, key and row of what is wrong."""
        raise NotImplementedError

    def prepare(self, folder: Path, place: Path, progress: Progress) -> None:
        """Write the samples of a folder to ``place``, as ``Data.save`` does; a killed call's beginning may lie there.

        Raises DataError as ``read``. Readers of tables larger than memory append with ``ctk.data.SamplesWriter``.
        """
        self.read(folder).save(place)

    def prepare_test(self, folder: Path, place: Path, progress: Progress) -> int:
        """Write everything but the training samples, as ``Data.save_test`` does: submissions need no more.

        Returns how many numbers a prediction has.
        """
        data = self.read(folder)
        data.save_test(place)
        return data.train.target_width

    @abstractmethod
    def describe(self, folder: Path) -> list[DataItem]:
        """Describe what of the layout is in a folder, what is missing and how to get it. Never raises."""

    def sources(self, folder: Path) -> list[Path]:
        """List the files that ``read`` reads: when one changes, prepared data is made anew."""
        return [found.path for found in self.describe(folder) if found.path is not None]

    def stamp(self, path: Path) -> object:
        """Tell a file's content apart from other content, as JSON takes it.

        Better than size and time where that is cheap.
        """
        facts = path.stat()
        return [facts.st_size, facts.st_mtime_ns]

    def pictures(self, folder: Path) -> Path | None:
        """Find the folder of further files by sample or gallery name, if it is there."""
        return None
