"""An epoch of training through the toolkit, beside the plainest PyTorch loop with the same network, loss and batches.

    python competitions/leap_climsim/bench/training.py [--device cuda] [--seconds 50] [--results bench/results]

Ours is a whole fit of one epoch from samples on disk: it sets Lightning up, scales float64 targets batch by batch,
validates (on 32 rows), and writes its result. The plain loop has scaled float32 tensors in memory before it starts and
does nothing but batches, loss, gradients, clipping and steps. Both take turns in one process.

The error is the largest difference of what both predict then, in deviations of the targets. On the same machine and
threads it is 0 where kernels are deterministic.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ctk.bench.bench_case import BenchCase, Contestant, Run, Verdict
from ctk.bench.measure import measure
from ctk.bench.tables import machine, save
from ctk.cli.bench import print_rows
from ctk.config.training_keys import Training
from ctk.contract import Batch, FitContext, Metric
from ctk.samples import Array, Samples, Targets
from ctk.training import as_model
from ctk_leap_climsim.columns import GROUPS, INPUTS, TARGETS, ZERO
from ctk_leap_climsim.loss import SmoothL1Levels
from ctk_leap_climsim.networks.mlp import ColumnMLP
from ctk_leap_climsim.networks.res_bilstm import ResBiLSTM

SEED, LR, CLIP, VALID = 1, 1e-3, 9.0, 32
SIZES = {
    "cpu": [
        (ResBiLSTM, {"hidden": 64, "layers": 2}, 4096, 256),
        (ColumnMLP, {"hidden": 512, "layers": 3}, 16_384, 256),
    ],
    "cuda": [(ResBiLSTM, {"hidden": 256, "layers": 10}, 131_072, 2048), (ColumnMLP, {}, 1_048_576, 2048)],
}
"""Network, its options, training rows and batch size of each case."""


def main() -> None:
    """Print the tables and keep them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=list(SIZES), default="cpu")
    parser.add_argument("--seconds", type=int, default=50, help="of each case")
    parser.add_argument("--results", type=Path, help="folder of the CSV tables; left out, nothing is kept")
    given = parser.parse_args()
    for network, options, rows, size in SIZES[given.device]:
        with tempfile.TemporaryDirectory(prefix="ctk-bench-") as folder:
            measured = measure(
                "training", case(network, options, rows, size, Path(folder), given.device, given.seconds)
            )
        print_rows(measured)
        if given.results:
            save(measured, machine(), given.results)


def case(
    network: Any, options: Mapping[str, Any], rows: int, size: int, folder: Path, device: str, seconds: float
) -> BenchCase:
    """One epoch over so many random rows."""
    make_samples(rows + VALID).save(folder / "samples")
    samples = Samples.open(folder / "samples")
    train, valid = samples.take(np.arange(rows)), samples.take(np.arange(rows, rows + VALID))
    answers: list[Array] = []

    def judge(answer: Array) -> Verdict:
        answers.append(answer)
        return Verdict(error=float((np.abs(answer - answers[0]) / samples.constants["target_std"]).max()))

    contestants = [
        Contestant("plain loop", partial(plain, network, options, train, valid, size, device), "floor"),
        Contestant("ctk", partial(ours, network, options, train, valid, size, device, folder / "fit"), "ctk"),
    ]
    name = f"{network.__name__} {'x'.join(map(str, options.values()))}, {rows:,} rows, batch {size}"
    return BenchCase(name.replace(" ,", ","), device, contestants, judge, seconds)


def make_samples(rows: int) -> Samples:
    """Random inputs, and targets of all sizes that depend on them."""
    random = np.random.default_rng(0)
    columns = random.standard_normal((rows, len(INPUTS)), np.float32)
    mixing = random.standard_normal((len(INPUTS), len(TARGETS)), np.float32) / 24
    size = 10.0 ** random.uniform(-12, 3, len(TARGETS))
    constants = {
        "feature_mean": np.zeros(len(INPUTS)),
        "feature_std": np.ones(len(INPUTS)),
        "target_mean": np.zeros(len(TARGETS)),
        "target_std": size,
        "weights": np.where(ZERO, 0.0, 1.0),
    }
    names = Targets(np.array(TARGETS), GROUPS)
    return Samples(np.arange(rows), {"columns": columns}, np.tanh(columns @ mixing) * size, {}, {}, constants, names)


def plain(network: Any, options: Mapping[str, Any], train: Samples, valid: Samples, size: int, device: str) -> Run:
    """The loop that every tutorial has."""
    columns = torch.from_numpy(np.array(train.features["columns"])).to(device)
    held_out = torch.from_numpy(np.array(valid.features["columns"])).to(device)
    target = ColumnMLP.for_samples(train, hidden=1).scale(torch.from_numpy(np.array(train.target))).to(device)

    def run() -> Array:
        torch.manual_seed(SEED)
        model = network.for_samples(train, **options).to(device)
        loss_of = SmoothL1Levels.for_samples(train).to(device)
        optimizer = torch.optim.AdamW(model.parameters(), LR, weight_decay=0.0)
        order = torch.randperm(len(columns), generator=torch.Generator().manual_seed(SEED)).to(device)
        for rows in order.split(size):
            loss = loss_of(model(columns[rows]), Batch({}, target[rows], None))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimizer.step()
        model.eval()
        with torch.no_grad():
            predicted: Array = model.unscale(model(held_out)).cpu().numpy()
        return predicted

    return run


def ours(
    network: Any, options: Mapping[str, Any], train: Samples, valid: Samples, size: int, device: str, folder: Path
) -> Run:
    """A member's fit."""
    metric = Metric("error", "min", lambda prediction, samples: float(np.abs(prediction - samples.target).mean()))
    context = FitContext(folder, SEED, metric, "gpu" if device == "cuda" else "cpu")

    def run() -> Array:
        shutil.rmtree(folder, ignore_errors=True)
        model = as_model(network)(**options)
        model.training = Training.model_validate(
            {
                "loss": "smooth-l1-levels",
                "optimizer": {"name": "adamw", "lr": LR},
                "batch": {"size": size},
                "clip": CLIP,
                "epochs": 1,
            }
        )
        model.fit(train, valid, context)
        return model.predict(valid)

    return run


if __name__ == "__main__":
    main()
