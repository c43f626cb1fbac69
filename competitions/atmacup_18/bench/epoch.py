"""An epoch of a network on pictures through the toolkit, beside the plainest PyTorch loop over the same arrays.

    python competitions/atmacup_18/bench/epoch.py [--rows 2048] [--seconds 200] [--results bench/results]

Ours is a whole fit of one epoch from samples on disk: it sets Lightning up, reads memory-mapped frames, mirrors half of
the rows as they come, validates (on 4 rows) and writes its result. The plain loop has the frames in memory before it
starts and does nothing but mirror, loss, gradients and steps. Both take turns in one process, in the same precision.

The error is the largest difference of what both predict then. On the same machine and threads it is 0.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import timm
import torch
from torch import Tensor, nn

from ctk.bench.bench_case import BenchCase, Contestant, Run, Verdict
from ctk.bench.measure import measure
from ctk.bench.tables import machine, save
from ctk.cli.bench import print_rows
from ctk.config.training_keys import Training
from ctk.contract import FitContext, Metric, Transform
from ctk.plugins import Component, Plugin, plugins
from ctk.samples import Array, Samples
from ctk.training import as_model
from ctk.training.devices import autocast

SEED, LR, SIZE, VALID, TARGETS = 1, 1e-3, 32, 4, 18


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


class L1(nn.Module):
    """Mean absolute error."""

    def forward(self, prediction: Tensor, batch: Any) -> Tensor:
        """A number."""
        return (prediction - batch.target).abs().mean()


def main() -> None:
    """Print the table and keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2048)
    parser.add_argument("--seconds", type=int, default=200)
    parser.add_argument("--results", type=Path, help="folder of the CSV tables; left out, nothing is kept")
    given = parser.parse_args()
    offers = [Component(kind, name, thing, "", "bench", "bench") for kind, name, thing in (
        ("transforms", "bench-mirror", Mirror), ("losses", "bench-l1", L1))]  # fmt: skip
    plugins().plugins.append(Plugin("bench", "bench", "1", __name__, offers=offers, loaded=True))
    with tempfile.TemporaryDirectory(prefix="ctk-bench-") as folder:
        measured = measure("training", case(given.rows, Path(folder), given.seconds))
    print_rows(measured)
    if given.results:
        save(measured, machine(), given.results)


def case(rows: int, folder: Path, seconds: float) -> BenchCase:
    """One epoch over so many rows of noise."""
    random = np.random.default_rng(0)
    frames = random.integers(0, 256, (rows + VALID, 3, 64, 128, 3), np.uint8)
    speed = random.normal(size=rows + VALID).astype(np.float32)
    target = random.normal(size=(rows + VALID, TARGETS)).astype(np.float32)
    Samples(np.arange(rows + VALID), {"frames": frames, "vEgo": speed}, target).save(folder / "samples")
    samples = Samples.open(folder / "samples")
    train, valid = samples.take(np.arange(rows)), samples.take(np.arange(rows, rows + VALID))
    answers: list[Array] = []

    def judge(answer: Array) -> Verdict:
        answers.append(answer)
        return Verdict(error=float(np.abs(answer - answers[0]).max()))

    contestants = [
        Contestant("plain loop", partial(plain, train, valid), "floor"),
        Contestant("ctk", partial(ours, train, valid, folder / "fit"), "ctk"),
    ]
    return BenchCase(f"resnet18 64x128x9, {rows:,} rows, batch {SIZE}", "cpu", contestants, judge, seconds)


def plain(train: Samples, valid: Samples) -> Run:
    """The loop that every tutorial has."""
    frames, speed = (torch.from_numpy(np.array(train.features[name])) for name in FramesNet.features)
    held_out = [torch.from_numpy(np.array(valid.features[name])) for name in FramesNet.features]
    target = torch.from_numpy(np.array(train.target))
    cpu = torch.device("cpu")

    def run() -> Array:
        torch.manual_seed(SEED)
        model, mirror = FramesNet(), Mirror()
        optimizer = torch.optim.AdamW(model.parameters(), LR, weight_decay=0.0)
        order = torch.randperm(len(frames), generator=torch.Generator().manual_seed(SEED))
        for step, rows in enumerate(order.split(SIZE)):
            torch.default_generator.manual_seed(SEED * 1_000_003 + step)
            given = {"frames": frames[rows], "vEgo": speed[rows]}
            given, wanted = mirror.apply(given, target[rows], torch.arange(len(rows)))
            with autocast(cpu, "auto"):
                loss = (model(*given.values()) - wanted).abs().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            predicted: Array = model(*held_out).numpy()
        return predicted

    return run


def ours(train: Samples, valid: Samples, folder: Path) -> Run:
    """A member's fit."""
    metric = Metric("error", "min", lambda prediction, samples: float(np.abs(prediction - samples.target).mean()))
    keys = {
        "loss": "bench-l1",
        "transforms": ["bench-mirror"],
        "optimizer": {"name": "adamw", "lr": LR},
        "batch": {"size": SIZE},
        "precision": "auto",
        "epochs": 1,
    }

    def run() -> Array:
        shutil.rmtree(folder, ignore_errors=True)
        model = as_model(FramesNet)()
        model.training = Training.model_validate(keys)
        model.fit(train, valid, FitContext(folder, SEED, metric, "cpu"))
        return model.predict(valid)

    return run


if __name__ == "__main__":
    main()
