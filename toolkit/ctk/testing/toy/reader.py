"""A data reader that makes its data up: a folder holds no more than the flavour's name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ctk.contract import DataItem, DataReader
from ctk.errors import DataError
from ctk.samples import Data
from ctk.testing.toy import FLAVOURS
from ctk.testing.toy.samples import toy_samples

FLAVOUR = "flavour.txt"
PICTURES = "pictures"


class ToyReader(DataReader):
    """Samples of the flavour that ``flavour.txt`` names.

    features  names under which the samples' features are given
    """

    def __init__(self, *, features: list[str] | None = None) -> None:
        self.features = features or ["x"]

    def read(self, folder: Path) -> Data:
        """96 samples to train on and 24 to predict, whose targets are known. Raises DataError."""
        path = folder / FLAVOUR
        flavour = path.read_text(encoding="utf-8").strip() if path.is_file() else ""
        if flavour not in FLAVOURS:
            raise DataError(f"{path}: names no flavour of the toy competition.", f"One of {', '.join(FLAVOURS)}.")
        train, truth = toy_samples(flavour, self.features)
        return Data(train, replace(truth, target=None), folder, f"{flavour}: {len(train)} samples", truth)

    def describe(self, folder: Path) -> list[DataItem]:
        """The one file."""
        path = folder / FLAVOUR
        return [DataItem("flavour", path if path.is_file() else None, "", "made by the toy competition")]

    def pictures(self, folder: Path) -> Path | None:
        """Those of the gallery, where the flavour has one."""
        path = folder / PICTURES
        return path if path.is_dir() else None
