"""Memory and time of a contrastive step at batch 1,024: our loss and chunks beside the dense loss and a whole batch.

    python competitions/supertux/bench/clip_memory.py [--batch 1024] [--size 96] [--larger 8192 32768]

Each row is a process of its own, on torch's threads: the peak of resident memory that forward and backward add to what
was there before, and how long the same call took. First the loss alone, of unit vectors (batch, 64) whose captions
repeat, with gradients of both sides: dense is ctk.ops.reference, which holds the whole matrix of logits. Then the step
of the small model's towers with LoRA: pictures of size x size, each with five captions; dense with the whole batch at
once is what the plain recipe does.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ctk.bench.memory import GIVE_BACK, of_process
from ctk.contract import Batch
from ctk.ops import info_nce, reference
from ctk.samples import Samples
from ctk.training import text_codes
from ctk_supertux.columns import CHOICES, EGO_CAPTION, HEIGHT, TRACK_CAPTION, WIDTH
from ctk_supertux.networks.tux_clip_net import TuxClipNet
from ctk_supertux.small import write_new

CAPTIONS = [EGO_CAPTION.format(f"kart{number}") for number in range(90)] + [
    TRACK_CAPTION.format(f"track{number}") for number in range(90)
]
SCALE, PROJECTED, MB = 1 / 0.07, 64, 1 << 20
LIMIT = 1 * MB
Step = Callable[[], Tensor]


def main() -> None:
    """Print a line a measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("batch", 1024), ("size", 96), ("chunk", 64)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--larger", type=int, nargs="*", default=[8192, 32768], help="further batches, of the loss")
    parser.add_argument("--one", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        measure(given)
        return
    print(f"{'':44}{'peak MB':>10}{'seconds':>10}{'loss':>10}")
    for label, one in measurements(given):
        command = [sys.executable, __file__, *sys.argv[1:], "--one", *one]
        told = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **GIVE_BACK})
        if told.returncode:
            print(f"{label:44}{told.stderr.strip().splitlines()[-1][:60] if told.stderr else told.returncode}")
            continue
        peak, seconds, loss = (float(each) for each in told.stdout.split())
        print(f"{label:44}{peak / MB:10,.1f}{seconds:10,.3f}{loss:10.4f}", flush=True)


def measurements(given: argparse.Namespace) -> Iterator[tuple[str, list[str]]]:
    """What is measured, for people and for the process that does."""
    for batch in (given.batch, *given.larger):
        yield f"loss, batch {batch:,}, dense", ["loss", "dense", str(batch)]
        yield f"loss, batch {batch:,}, ctk, limit {LIMIT // MB} MiB", ["loss", "ours", str(batch)]
    for kind in ("dense", "ours"):
        for chunk in (given.batch, given.chunk):
            held = "whole" if chunk == given.batch else f"chunks of {chunk}"
            yield f"step, batch {given.batch:,}, {kind}, {held}", ["step", kind, str(chunk)]


def measure(given: argparse.Namespace) -> None:
    """Print bytes, seconds and the loss of one, after a small call that brings libraries and threads."""
    what, kind, number = given.one[0], given.one[1], int(given.one[2])
    with tempfile.TemporaryDirectory(prefix="ctk-bench-") as folder:
        if what == "loss":
            loss_step(kind, 64)()
            step = loss_step(kind, number)
        else:
            small, step = network_steps(kind, number, given, Path(folder))
            small()
        losses: list[Tensor] = []
        begun = time.perf_counter()
        peak = of_process(lambda: losses.append(step()))
        print(peak, time.perf_counter() - begun, float(losses[0]))


def loss_of(kind: str) -> Callable[..., Tensor]:
    """InfoNCE with positives by id: the whole matrix, or tiles."""
    if kind == "ours":
        return partial(info_nce, memory_limit=LIMIT)

    def dense(x: Tensor, y: Tensor, scale: Tensor, *, query_ids: Tensor, key_ids: Tensor, memory_limit: None) -> Tensor:
        return reference.info_nce(x, y, scale, query_ids[:, None] == key_ids[None, :])

    return partial(dense, memory_limit=None)


def loss_step(kind: str, batch: int) -> Step:
    """Loss and gradients of random unit vectors, of which rows with the same caption are positives."""
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.nn.functional.normalize(torch.randn(batch, PROJECTED, generator=generator)) for _ in range(2))
    ids = torch.randint(len(CAPTIONS), (batch,), generator=generator)
    scale, loss = torch.tensor(SCALE, requires_grad=True), loss_of(kind)

    def run() -> Tensor:
        sides = x.clone().requires_grad_(), y.clone().requires_grad_()
        made = loss(*sides, scale, query_ids=ids, key_ids=ids)
        made.backward()
        return made.detach()

    return run


def network_steps(kind: str, chunk: int, given: argparse.Namespace, folder: Path) -> tuple[Step, Step]:
    """A step of a few rows, and one of the whole batch, encoded so many rows at a time."""
    from ctk_supertux.networks import contrast

    contrast.info_nce = loss_of(kind)  # type: ignore[assignment]
    write_new(folder, CAPTIONS)
    random = np.random.default_rng(0)
    candidates = np.array([random.choice(CAPTIONS, CHOICES, replace=False) for _ in range(given.batch)])
    pictures = random.integers(0, 256, (given.batch, HEIGHT, WIDTH, 3), np.uint8)
    right = random.integers(0, CHOICES, given.batch)
    samples = Samples(np.arange(given.batch), {"image": pictures, "candidates": candidates}, right)
    torch.manual_seed(0)
    network = TuxClipNet.for_samples(samples, model=str(folder), size=given.size, chunk=chunk).train()
    features = {"image": torch.from_numpy(pictures), "candidates": text_codes(candidates)}

    def step(rows: int) -> Tensor:
        network.zero_grad()
        torch.manual_seed(0)
        batch = Batch({name: each[:rows] for name, each in features.items()}, torch.from_numpy(right[:rows]), None)
        loss = network.training_loss(batch)
        loss.backward()
        return loss.detach()

    return partial(step, 8), partial(step, given.batch)


if __name__ == "__main__":
    main()
