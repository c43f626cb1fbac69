"""An epoch of a network on pictures through the toolkit, beside the plainest PyTorch loop over the same arrays.

    python competitions/atmacup_18/bench/epoch.py [--rows 2048] [--seconds 200] [--results bench/results]

Ours is a whole fit of one epoch from samples on disk: it sets Lightning up, reads memory-mapped frames, mirrors half of
the rows as they come, validates (on 4 rows) and writes its result. The plain loop has the frames in memory before it
starts and does nothing but mirror, loss, gradients and steps. Both take turns in one process, in the same precision.

The error is the largest difference of what both predict then. On the same machine and threads it is 0.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Self

import numpy as np
import timm
import torch
from torch import Tensor, nn

from ctk.bench.epoch_case import VALID, epoch_case
from ctk.bench.measure import measure
from ctk.bench.tables import machine, save
from ctk.cli.bench import print_rows
from ctk.contract import Transform
from ctk.samples import Samples

SIZE, TARGETS = 32, 18


class FramesNet(nn.Module):
    """resnet18 on three frames of 64 x 128, and one scalar. (B, 3, H, W, 3) uint8 -> (B, 18)"""

    features = ("frames", "vEgo")

    def __init__(self) -> None:
        super().__init__()
        self.backbone = timm.create_model("resnet18", in_chans=9, num_classes=0)
        self.head = nn.Linear(513, TARGETS)

    @classmethod
    def for_samples(cls, samples: Samples) -> Self:
        """The same for any samples."""
        return cls()

    def forward(self, frames: Tensor, speed: Tensor) -> Tensor:
        """(B, 3, H, W, 3) uint8 and (B,) to (B, 18)."""
        pixels = frames.permute(0, 1, 4, 2, 3).flatten(1, 2).float() / 255
        made: Tensor = self.head(torch.cat([self.backbone(pixels), speed[:, None]], dim=1))
        return made


class Mirror(Transform):
    """Mirrors about half of the rows."""

    def apply(self, features: dict[str, Tensor], target: Tensor, units: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Frames by their columns, and the y of each point."""
        mirrored = torch.rand(len(units))[units] < 0.5
        frames, signs = features["frames"], torch.ones(TARGETS)
        frames[mirrored] = frames[mirrored].flip(-2)
        signs[1::3] = -1
        return features, torch.where(mirrored[:, None], target * signs, target)


def main() -> None:
    """Print the table and keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2048)
    parser.add_argument("--seconds", type=int, default=200)
    parser.add_argument("--results", type=Path, help="folder of the CSV tables; left out, nothing is kept")
    given = parser.parse_args()
    random, count = np.random.default_rng(0), given.rows + VALID
    frames = random.integers(0, 256, (count, 3, 64, 128, 3), np.uint8)
    speed = random.normal(size=count).astype(np.float32)
    target = random.normal(size=(count, TARGETS)).astype(np.float32)
    features = {"frames": frames, "vEgo": speed}
    with tempfile.TemporaryDirectory(prefix="ctk-bench-") as folder:
        case = epoch_case(
            "resnet18 64x128x9", FramesNet, Mirror, features, target, Path(folder), size=SIZE, seconds=given.seconds
        )
        measured = measure("training", case)
    print_rows(measured)
    if given.results:
        save(measured, machine(), given.results)


if __name__ == "__main__":
    main()
