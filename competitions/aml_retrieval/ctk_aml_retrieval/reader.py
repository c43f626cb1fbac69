"""The competition's files as a data reader of the toolkit."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from ctk.contract import DataItem, DataReader
from ctk.data import member_checksums
from ctk.samples import Data
from ctk_aml_retrieval import layout


class AMLReader(DataReader):
    """Reads train.npz and test.clean.npz. Keyword arguments are config keys:

    bad_rows  "error", or "drop" for training rows with a bad label or numbers that are not finite
    train     another file to train on, such as a filtered set; the rest comes from the data folder
    """

    def __init__(self, *, bad_rows: Literal["error", "drop"] = "error", train: str | None = None) -> None:
        self.bad_rows: Literal["error", "drop"] = bad_rows
        self.train = None if train is None else Path(train)

    def read(self, folder: Path) -> Data:
        """Captions' embeddings as samples, pictures' embeddings as their gallery."""
        return layout.read(folder, bad_rows=self.bad_rows, train=self.train)

    def describe(self, folder: Path) -> list[DataItem]:
        """What of the layout lies in a folder."""
        return layout.describe(folder)

    def stamp(self, path: Path) -> object:
        """The checksums that the archive has of its members; the hash of a text."""
        return member_checksums(path) if path.suffix == ".npz" else hashlib.sha256(path.read_bytes()).hexdigest()

    def pictures(self, folder: Path) -> Path | None:
        """``Images``, where it lies."""
        return layout.locate(folder, self.train).images

    def sources(self, folder: Path) -> list[Path]:
        """The archives and captions.txt; pictures are not read here."""
        files = layout.locate(folder, self.train)
        beside = {path.with_name("captions.txt") for path in (files.train, files.test)}
        archives = [path for path in (files.train, files.test, files.truth, files.sample) if path is not None]
        return [*archives, *sorted(path for path in beside if path.is_file())]
