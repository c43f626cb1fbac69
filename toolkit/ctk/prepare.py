"""Reading a competition's data once, and mapping it into memory ever after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ctk import __version__
from ctk.competition import Competition
from ctk.config import RunConfig
from ctk.contract import DataReader
from ctk.errors import DataError
from ctk.files import atomic, cache_folder, read_json, write_json
from ctk.plugins import Plugins
from ctk.runs import fingerprint
from ctk.samples import Data, Samples


@dataclass(frozen=True)
class Prepared:
    """A folder of arrays made from a competition's files, named by what they were made from."""

    folder: Path
    fingerprint: str

    @property
    def train(self) -> Samples:
        """Training samples, memory-mapped."""
        return Samples.open(self.folder / "train")

    @property
    def data(self) -> Data:
        """Everything the reader returned, memory-mapped."""
        facts = read_json(self.folder / "data.json")
        truth = self.folder / "truth"
        return Data(
            train=self.train,
            test=Samples.open(self.folder / "test"),
            truth=Samples.open(truth) if truth.exists() else None,
            folder=Path(facts["folder"]),
            files=Path(facts["files"]) if facts["files"] else None,
            about=facts["about"],
        )


def reader_of(config: RunConfig, plugins: Plugins) -> DataReader:
    """The config's data reader with its options."""
    reader: DataReader = plugins.load("data", config.data.name)(**config.data.options)
    return reader


def prepare(
    config: RunConfig, competition: Competition, plugins: Plugins, say: Callable[[str], None] = lambda line: None
) -> Prepared:
    """The prepared data of a config, read now unless the same files were read before. Raises DataError."""
    folder = Path(config.data_dir).resolve() if config.data_dir else competition.default_data()
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder.", f"`ctk data {competition.id}` says how to get the data.")
    reader = reader_of(config, plugins)
    stamps = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in reader.sources(folder)]
    name = fingerprint(str(folder), config.data.model_dump(), stamps, __version__)
    place = cache_folder() / "prepared" / competition.id / name
    if not (place / "data.json").exists():
        say(f"reading {folder}")
        data = reader.read(folder)
        with atomic(place) as temporary:
            temporary.mkdir(parents=True)
            data.train.save(temporary / "train")
            data.test.save(temporary / "test")
            if data.truth is not None:
                data.truth.save(temporary / "truth")
            write_json(temporary / "data.json", {"folder": data.folder, "files": data.files, "about": data.about})
    return Prepared(place, name)
