"""Samples of each flavour, always the same: a smooth function of four numbers, with noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ctk.samples import Array, Gallery, Samples
from ctk.testing.toy import FLAVOURS

TRAIN, TEST = 96, 24
CLASSES, GALLERY = 3, 24


def toy_samples(flavour: str = "toy-regression", features: Sequence[str] = ("x",)) -> tuple[Samples, Samples]:
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
    vectors = np.random.default_rng(7).standard_normal((GALLERY, 4)).astype(np.float32)
    nearest = np.argmin(((mixed[:, None] - vectors) ** 2).sum(-1), axis=1)
    gallery = Gallery(vectors, np.array([f"thing-{number}.png" for number in range(GALLERY)]))
    return replace(samples, target=nearest, gallery=gallery)
