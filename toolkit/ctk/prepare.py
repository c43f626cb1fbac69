"""Reading a competition's data once, and mapping it into memory ever after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ctk.competition import Competition
from ctk.config import RunConfig
from ctk.contract import DataReader, Progress
from ctk.errors import DataError
from ctk.files import cache_folder, made_over_time
from ctk.plugins import Plugins
from ctk.runs import fingerprint
from ctk.samples import Data

LAYOUT = 2
"""Of the prepared folders: raise it when what ``prepare`` writes changes."""


@dataclass(frozen=True)
class Prepared:
    """Arrays made from a competition's files.

    place        the folder of arrays
    fingerprint  of what they were made from: the files' content and the reader's options, not where the files lie
    root         the folder of the files, and pictures the folder of further files if there is one, as found just now
    """

    place: Path
    fingerprint: str
    root: Path
    pictures: Path | None

    @property
    def data(self) -> Data:
        """Everything the reader returned, memory-mapped."""
        return Data.open(self.place, self.root, self.pictures)


def reader_of(config: RunConfig, plugins: Plugins) -> DataReader:
    """The config's data reader with its options."""
    reader: DataReader = plugins.load("data", config.data.name)(**config.data.options)
    return reader


def prepare(
    config: RunConfig,
    competition: Competition,
    plugins: Plugins,
    say: Callable[[str], None] = lambda line: None,
    progress: Progress = lambda what, done, total: None,
) -> Prepared:
    """The prepared data of a config, read now unless the same content was read before. Raises DataError.

    Killed at any moment, the next call goes on where the reader can.
    """
    root = Path(config.data_dir).resolve() if config.data_dir else competition.default_data(progress)
    if not root.is_dir():
        raise DataError(f"{root}: there is no such folder.", f"`ctk data {competition.id}` says how to get the data.")
    reader = reader_of(config, plugins)
    stamps = [(path.name, reader.stamp(path)) for path in reader.sources(root)]
    name = fingerprint(config.data.model_dump(), stamps, LAYOUT)
    place = cache_folder() / "prepared" / competition.id / name
    if not place.is_dir():
        say(f"reading {root}")
        with made_over_time(place) as folder:
            if folder is not None:
                reader.prepare(root, folder, progress)
    return Prepared(place, name, root, reader.pictures(root))
