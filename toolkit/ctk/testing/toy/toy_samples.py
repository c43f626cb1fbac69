"""Samples of each flavour, always the same: a smooth function of four numbers, with noise; and their reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ctk.contract import DataItem, DataReader
from ctk.errors import DataError
from ctk.samples import Array, Data, Gallery, Samples
from ctk.testing.toy import FLAVOURS

TRAIN, TEST = 96, 24
CLASSES, GALLERY = 3, 24
WORDS = np.array(["low", "between", "high"])
FLAVOUR = "flavour.txt"
PICTURES = "pictures"


def make_toy_samples(flavour: str = "toy-regression", features: Sequence[str] = ("x",)) -> tuple[Samples, Samples]:
    """Training samples and test samples with their targets.

    flavour   one of ``ctk.testing.toy.FLAVOURS``
    features  names under which the (N, 4) float32 features are given; the same numbers under each
    """
    random = np.random.default_rng(FLAVOURS.index(flavour))
    rows = TRAIN + TEST
    x = random.standard_normal((rows, 4)).astype(np.float32)
    mixed = np.tanh(x @ random.standard_normal((4, 4))) + 0.1 * random.standard_normal((rows, 4))
    samples = Samples(
        ids=np.arange(1000, 1000 + rows),
        features=dict.fromkeys(features, x),
        groups={"block": np.arange(rows) // 4},
        notes={"caption": np.array([f"row {row}" for row in range(rows)])},
    )
    samples = _with_target(samples, flavour, mixed)
    return samples.take(np.arange(TRAIN)), samples.take(np.arange(TRAIN, rows))


def _with_target(samples: Samples, flavour: str, mixed: Array) -> Samples:
    if flavour == "toy-regression":
        return replace(samples, target=mixed[:, :2].astype(np.float32))
    if flavour == "toy-classification":
        return replace(samples, target=np.eye(CLASSES, dtype=np.float32)[mixed[:, :CLASSES].argmax(1)])
    if flavour == "toy-events":
        return replace(samples, target=(mixed[:, :1] > 0).astype(np.float32))
    if flavour == "toy-amounts":
        return replace(samples, target=3 + mixed[:, :1].astype(np.float32))
    if flavour == "toy-text":
        return replace(samples, target=WORDS[np.digitize(mixed[:, 0], (-0.4, 0.4))])
    vectors = np.random.default_rng(7).standard_normal((GALLERY, 4)).astype(np.float32)
    nearest = np.argmin(((mixed[:, None] - vectors) ** 2).sum(-1), axis=1)
    gallery = Gallery(vectors, np.array([f"thing-{number}.png" for number in range(GALLERY)]))
    return replace(samples, target=nearest, gallery=gallery)


def _with_images(samples: Samples, feature: str) -> Samples:
    grey = np.clip(128 + 40 * samples.features[feature], 0, 255).astype(np.uint8)
    image = np.broadcast_to(grey.repeat(2, axis=1)[:, None, :, None], (len(samples), 4, 8, 3)).copy()
    return replace(samples, features={**samples.features, "image": image})


def _with_texts(samples: Samples, feature: str) -> Samples:
    words = WORDS[np.digitize(samples.features[feature], (-0.4, 0.4))]
    return replace(samples, features={**samples.features, "text": np.array([" ".join(row) for row in words.tolist()])})


class ToyReader(DataReader):
    """Samples of the flavour that ``flavour.txt`` names.

    features  names under which the samples' features are given
    images    whether there is a feature ``image`` too: (N, 4, 8, 3) uint8, columns of grey by their numbers
    texts     whether there is a feature ``text`` too: (N,) str, a word for each number
    """

    def __init__(self, *, features: list[str] | None = None, images: bool = False, texts: bool = False) -> None:
        self.features = features or ["x"]
        self.images = images
        self.texts = texts

    def read(self, folder: Path) -> Data:
        """96 samples to train on and 24 to predict, whose targets are known. Raises DataError."""
        path = folder / FLAVOUR
        flavour = path.read_text(encoding="utf-8").strip() if path.is_file() else ""
        if flavour not in FLAVOURS:
            raise DataError(f"{path}: names no flavour of the toy competition.", f"One of {', '.join(FLAVOURS)}.")
        train, truth = make_toy_samples(flavour, self.features)
        if self.images:
            train, truth = _with_images(train, self.features[0]), _with_images(truth, self.features[0])
        if self.texts:
            train, truth = _with_texts(train, self.features[0]), _with_texts(truth, self.features[0])
        return Data(train, replace(truth, target=None), folder, f"{flavour}: {len(train)} samples", truth)

    def describe(self, folder: Path) -> list[DataItem]:
        """The one file of the layout."""
        path = folder / FLAVOUR
        return [DataItem("flavour", path if path.is_file() else None, "", "made by the toy competition")]

    def pictures(self, folder: Path) -> Path | None:
        """The pictures of the gallery, where the flavour has one."""
        path = folder / PICTURES
        return path if path.is_dir() else None
