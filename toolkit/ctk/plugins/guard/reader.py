"""A plugin's data reader inside its guard."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ctk.contract import DataReader, Found, Progress
from ctk.files import read_json
from ctk.plugins.guard.arrays import number
from ctk.plugins.guard.data import check_data
from ctk.plugins.guard.guard import Guard, Wrong
from ctk.samples import ARRAYS, Data


class GuardedReader(DataReader):
    """What the reader raises names its plugin; what it prepared is looked at once.

    own  the reader itself
    """

    def __init__(self, own: DataReader, guard: Guard) -> None:
        self.own = own
        self.guard = guard

    def read(self, folder: Path) -> Data:
        """Samples from a folder."""
        with self.guard("reading data"):
            data = self.own.read(folder)
            if not isinstance(data, Data):
                raise Wrong(f"read a {type(data).__name__}, and a ctk.samples.Data is needed")
            check_data(data)
        return data

    def prepare(self, folder: Path, place: Path, progress: Progress) -> None:
        """Write the samples of a folder to ``place``."""
        if type(self.own).prepare is DataReader.prepare:  # what it reads is looked at before it is written
            self.read(folder).save(place)
            return
        with self.guard("reading data"):
            self.own.prepare(folder, place, progress)
            with _swept(place):
                check_data(_opened(place, folder, "train", "test"))

    def prepare_test(self, folder: Path, place: Path, progress: Progress) -> int:
        """Write everything but the training samples; returns how many numbers a prediction has."""
        if type(self.own).prepare_test is DataReader.prepare_test:
            data = self.read(folder)
            data.save_test(place)
            return data.train.target_width
        with self.guard("reading data"):
            width = self.own.prepare_test(folder, place, progress)
            if number(width, "gave as the width of a prediction") < 1 or width != int(width):
                raise Wrong(f"gave {width} as the width of a prediction")
            with _swept(place):
                check_data(_opened(place, folder, "test"), whole=False)
        return int(width)

    def describe(self, folder: Path) -> list[Found]:
        """What of the layout is in a folder."""
        with self.guard("looking for data"):
            found = list(self.own.describe(folder))
            for each in found:
                if not isinstance(each, Found):
                    raise Wrong(f"describes its data with a {type(each).__name__}, and ctk.contract.Found are needed")
        return found

    def sources(self, folder: Path) -> list[Path]:
        """The files that ``read`` reads."""
        with self.guard("looking for data"):
            return [Path(path) for path in self.own.sources(folder)]

    def stamp(self, path: Path) -> object:
        """What tells a file's content apart."""
        with self.guard("looking at data"):
            return self.own.stamp(path)

    def pictures(self, folder: Path) -> Path | None:
        """The folder of further files."""
        with self.guard("looking for pictures"):
            return self.own.pictures(folder)


@contextmanager
def _swept(place: Path) -> Iterator[None]:
    """What is wrong is thrown away: a reader that was mended would take it for its own work, and go on from it."""
    try:
        yield
    except Wrong:
        shutil.rmtree(place)
        raise


def _opened(place: Path, folder: Path, *needed: str) -> Data:
    """What lies prepared in a folder, mapped into memory. Raises Wrong where there are no samples or no about."""
    for name in needed:
        if not (place / name / ARRAYS).is_file():
            raise Wrong(f"prepared no {name} samples")
        if "ids" not in read_json(place / name / ARRAYS):
            raise Wrong(f"prepared {name} samples without ids")
    if not (place / "about.json").is_file():
        raise Wrong("prepared no about.json, the line that tells about the data")
    return Data.open(place, folder, None)
