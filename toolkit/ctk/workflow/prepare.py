"""Reading a competition's data once, and mapping it into memory ever after."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ctk.contract import Competition, DataReader, Progress, RunConfig
from ctk.errors import DataError
from ctk.files import cache_folder, fingerprint, made_over_time, read_json, write_json
from ctk.plugins import Plugins
from ctk.plugins.code import fingerprint_code
from ctk.plugins.guard import Guard
from ctk.samples import Data

LAYOUT = 2
"""Of the prepared folders: raise it when what ``prepare`` writes changes."""


@dataclass(frozen=True)
class PreparedData:
    """Arrays made from a competition's files.

    place        the folder of arrays
    fingerprint  of what they were made from: the files' content and the reader's options, not where the files lie
    code         a fingerprint of the reader's code; other code prepares anew, into another place
    root         the folder of the files, and pictures the folder of further files if there is one, as found just now
    """

    place: Path
    fingerprint: str
    code: str
    root: Path
    pictures: Path | None

    @property
    def data(self) -> Data:
        """Everything the reader returned, memory-mapped."""
        return Data.open(self.place, self.root, self.pictures)

    def with_paths(self, to: Callable[[Path], Path]) -> PreparedData:
        """Return a copy whose folder of arrays is mapped by ``to``."""
        return replace(self, place=to(self.place))


def make_reader(config: RunConfig, plugins: Plugins) -> Any:
    """Make the config's data reader with its options, wrapped by its plugin's guard."""
    guard = Guard("data", config.data.name, plugins)
    reader: DataReader = guard.make(**config.data.options)
    return guard.wrap(reader)


def prepare(
    config: RunConfig,
    competition: Competition,
    plugins: Plugins,
    say: Callable[[str], None] = lambda line: None,
    progress: Progress = lambda what, done, total: None,
    written: Mapping[str, Any] | None = None,
    refresh: bool = False,
) -> PreparedData:
    """Prepare the data of a config, unless the same content was read before by the same code. Raises DataError.

    Killed at any moment, the next call goes on where the reader can; with ``refresh`` nothing that lies there is taken.
    ``written`` is the config as a run's folder has it: options of the reader that came with a later version do not
    make other data of it.
    """
    source = _Source(config, competition, plugins, progress, written, refresh)
    if not source.place.is_dir():
        say(f"reading {source.root}")
        with made_over_time(source.place) as folder:
            if folder is not None:
                source.reader.prepare(source.root, folder, progress)
    return PreparedData(source.place, source.fingerprint, source.code, source.root, source.reader.pictures(source.root))


def prepare_test(
    config: RunConfig,
    competition: Competition,
    plugins: Plugins,
    progress: Progress = lambda what, done, total: None,
    refresh: bool = False,
) -> tuple[Data, int]:
    """Prepare the test samples of a config; returns how many numbers a prediction has, too. Raises DataError.

    What there is to train on may be much larger, and is not prepared for it.
    """
    source = _Source(config, competition, plugins, progress, refresh=refresh)
    if source.place.is_dir():
        data = Data.open(source.place, source.root, source.reader.pictures(source.root))
        return data, data.train.target_width
    alone = source.place.with_name(f"{source.place.name}-test")
    with made_over_time(alone) as folder:
        if folder is not None:
            write_json(folder / "width.json", source.reader.prepare_test(source.root, folder, progress))
    data = Data.open(alone, source.root, source.reader.pictures(source.root))
    return data, int(read_json(alone / "width.json", int))


class _Source:
    """Where a config's data is read from, and where it is prepared: a folder named after the files' content."""

    def __init__(
        self,
        config: RunConfig,
        competition: Competition,
        plugins: Plugins,
        progress: Progress,
        written: Mapping[str, Any] | None = None,
        refresh: bool = False,
    ) -> None:
        self.root = Path(config.data_dir).resolve() if config.data_dir else competition.default_data(progress)
        if not self.root.is_dir():
            help = f"`ctk data {competition.id}` says how to get the data."
            raise DataError(f"{self.root}: there is no such folder.", help)
        self.reader = make_reader(config, plugins)
        stamps = [(path.name, self.reader.stamp(path)) for path in self.reader.sources(self.root)]
        options = config.data.model_dump() if written is None else written["data"]
        self.fingerprint = fingerprint(options, stamps, LAYOUT)
        self.code = fingerprint_code(self.reader.guard.component, self.reader.own, plugins)
        folder, name = cache_folder() / "prepared" / competition.id, fingerprint(self.fingerprint, self.code)
        self.place = folder / name
        for left in (name, f"{name}-test", f".{name}.making", f".{name}-test.making") if refresh else ():
            shutil.rmtree(folder / left, ignore_errors=True)
