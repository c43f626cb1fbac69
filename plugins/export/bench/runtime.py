"""onnxruntime and ctk's own predict on the networks of runs: ms a batch of real rows.

    python plugins/export/bench/runtime.py THREADS RUN...

torch comes first and onnxruntime after it, whose idle threads spin for a while and would slow torch in turns. The
fastest of some seconds is shown: by the clock, and in processor time, which a busy machine changes less (threads that
wait for one another count as busy in it, so compare it with one thread).
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from ctk.api import FittedRun
from ctk.cli import print_table
from ctk.runs import Run
from ctk.samples import Samples
from ctk.training import NetworkModel
from ctk_export.choices import OPSET
from ctk_export.formats import Job, format_of
from ctk_export.network import Network

BATCHES = (1, 64, 4096)
SECONDS = 2.0


def fastest(call: Callable[[], object]) -> tuple[float, float]:
    """ms by the clock and of the processor, the least of as many calls as fit into some seconds; three at least."""
    call()
    times = []
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end or len(times) < 3:
        begun = time.perf_counter(), time.process_time()
        call()
        times.append((time.perf_counter() - begun[0], time.process_time() - begun[1]))
    clock, processor = zip(*times, strict=True)
    return 1e3 * min(clock), 1e3 * min(processor)


def measure(model: NetworkModel, train: Samples, test: Samples) -> list[list[str]]:
    """A row of the table for each size of a batch."""
    fitted, onnx = Network(model, train), format_of("onnx")
    batches = [test.take(np.arange(size) % len(test)) for size in BATCHES]
    ours = [fastest(partial(model.predict, batch)) for batch in batches]
    job = Job(fitted, fitted.inputs(test.take(np.arange(3))), {}, lambda tensors: fitted, OPSET)
    with tempfile.TemporaryDirectory() as place:
        onnx.write(job, Path(place) / "model.onnx")
        predict = onnx.reader(job, Path(place) / "model.onnx")
    theirs = [fastest(partial(predict, fitted.inputs(batch))) for batch in batches]
    return [
        [str(size), *(f"{number:.3g}" for number in (own[0], their[0], own[1], their[1]))]
        for size, own, their in zip(BATCHES, ours, theirs, strict=True)
    ]


def main(threads: str, *folders: str) -> None:
    """Print the table of the first part of each member that is a network."""
    torch.set_num_threads(int(threads))
    rows = []
    for run in (Run(Path(folder)) for folder in folders):
        fitted = FittedRun(run)
        data = fitted.data()
        for part in {part.member: part for part in run.parts()}.values():
            model = fitted.model(part, data.train, "cpu")
            if isinstance(model, NetworkModel):
                rows += [[run.competition, part.member, *row] for row in measure(model, data.train, data.test)]
    columns = ["competition", "network", "rows", "torch ms", "onnxruntime ms", "torch cpu ms", "onnxruntime cpu ms"]
    print_table(columns, rows, numbers=5)


if __name__ == "__main__":
    main(*sys.argv[1:])
