"""Test-time augmentation in one pass over the store, beside calling predict once a look.

    .venv/bin/python bench/tta.py [--pictures 400] [--seconds 40] [--results bench/results]

Pictures of 224 x 448 lie on disk, and those that are predicted are scattered among them, as a fold's are. Both ways
take turns in one process and have the same looks: the plain one, three mirrored and one crop. The peer predicts all
rows with one look, then all with the next, and takes the mean. The network is light, so that what reading costs shows.
It is measured twice: with the store in the system's page cache, and, as where it is larger than memory, with what was
read put out of it before each pass over the rows.

The error is the largest difference of what both predict.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from ctk.bench.bench_case import BenchCase, Contestant, Run, Verdict
from ctk.bench.measure import measure
from ctk.bench.tables import machine, save
from ctk.cli.bench import print_rows
from ctk.components.views import Crops, Flips
from ctk.config.training_keys import Training
from ctk.contract import View
from ctk.samples import Array, Samples
from ctk.training import NetworkModel, as_model

HEIGHT, WIDTH, TARGETS = 224, 448, 5


class Patches(nn.Module):
    """Patches of 16 x 16, one hidden layer on each, and their mean. (B, H, W, 3) uint8 -> (B, 5)"""

    features = ("image",)

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 32, 16, stride=16)
        self.head = nn.Linear(32, TARGETS)

    @classmethod
    def for_samples(cls, samples: Samples) -> Self:
        """The same for any samples."""
        torch.manual_seed(0)
        return cls()

    def forward(self, image: Tensor) -> Tensor:
        """Mean over patches."""
        made: Tensor = self.head(self.patches(image.permute(0, 3, 1, 2).float() / 255).relu().mean((2, 3)))
        return made


class OneLook(nn.Module):
    """A network that sees every row in one look of a view."""

    features = Patches.features

    def __init__(self, network: nn.Module, view: View, number: int) -> None:
        super().__init__()
        self.network = network
        self.view = view
        self.number = number

    def forward(self, image: Tensor) -> Tensor:
        """What the network makes of it."""
        made: Tensor = self.network(self.view.look({"image": image}, self.number)["image"])
        return made


def main() -> None:
    """Print the table and keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=400)
    parser.add_argument("--seconds", type=int, default=40)
    parser.add_argument("--results", type=Path, help="folder of the CSV tables; left out, nothing is kept")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ctk-bench-") as folder:
        write_pictures(given.pictures, Path(folder))
        for cold in (False, True):
            measured = measure("tta", case(given.pictures, Path(folder), given.seconds, cold))
            print_rows(measured)
            if given.results:
                save(measured, machine(), given.results)


def write_pictures(pictures: int, folder: Path) -> None:
    """Twice so many pictures of noise."""
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (2 * pictures, HEIGHT, WIDTH, 3), np.uint8)
    target = random.normal(size=(2 * pictures, TARGETS)).astype(np.float32)
    Samples(np.arange(2 * pictures), {"image": image}, target).save(folder)


def case(pictures: int, folder: Path, seconds: float, cold: bool) -> BenchCase:
    """So many pictures, half of the store; with ``cold`` they are read from the disk in each pass."""
    rows = np.sort(np.random.default_rng(1).choice(2 * pictures, pictures, replace=False))
    views: list[View] = [Flips(vertical=True), Crops(positions=("center",))]
    answers: list[Array] = []

    def opened() -> Samples:
        if cold:
            with (folder / "features" / "image.npy").open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return Samples.open(folder).take(rows)

    def judge(answer: Array) -> Verdict:
        answers.append(answer)
        return Verdict(error=float(np.abs(answer - answers[0]).max()))

    def once_a_look() -> Run:
        plain = model([])
        looks = [plain, *(model([], OneLook(plain.network, view, n)) for view in views for n in range(view.count()))]
        return lambda: np.mean([each.predict(opened()) for each in looks], axis=0)

    def ours() -> Run:
        whole = model(views)
        return lambda: whole.predict(opened())

    contestants = [Contestant("predict once a look", once_a_look, "floor"), Contestant("ctk", ours, "ctk")]
    looks = 1 + sum(view.count() for view in views)
    name = f"{looks} looks, {pictures:,} x {HEIGHT}x{WIDTH}x3{', from disk' if cold else ''}"
    return BenchCase(name, "cpu", contestants, judge, seconds)


def model(views: Sequence[View], network: nn.Module | None = None) -> NetworkModel:
    """A member that predicts by views."""
    made: Any = as_model(Patches)()
    made.training = Training()
    made.network = network or Patches.for_samples(None)  # type: ignore[arg-type]
    made.views = list(views)
    return made  # type: ignore[no-any-return]


if __name__ == "__main__":
    main()
