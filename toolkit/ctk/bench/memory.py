"""Peak of the memory that a contestant needs beyond its inputs and its answer."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ctk.bench import cases
from ctk.bench.bench_case import Run
from ctk.bench.threads import limit_threads
from ctk.ops import processor

STATUS = Path("/proc/self/status")
FORGET_PEAK = Path("/proc/self/clear_refs"), "5"
"""Linux: writing 5 there sets the peak of a process's resident memory to what it is now (proc(5))."""

GIVE_BACK = {"MALLOC_MMAP_THRESHOLD_": "262144", "MALLOC_TRIM_THRESHOLD_": "262144"}
"""glibc: else it keeps tens of MB that were freed before the call, and what fits in there would not be seen."""


def of_fresh_process(op: str, case: str, contestant: str) -> int | None:
    """Bytes of resident memory that a call on the CPU adds at its peak, less its answer; None where none could be had.

    In a process of its own: nobody else's freed memory can be used again. That process calls the contestant on a small
    case first, so that libraries, threads and their buffers are there already.
    """
    command = [sys.executable, "-m", "ctk.bench.memory", op, case, contestant]
    told = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **GIVE_BACK})
    return int(told.stdout.split()[-1]) if told.returncode == 0 else None


def of_device(run: Run) -> int:
    """The peak of the GPU's memory, as torch's allocator counts it, in this process."""
    import torch

    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    answer = run()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before - _bytes(answer)


def of_process(run: Run) -> int:
    """Bytes of resident memory that a call adds at its peak, in this process as it is; OSError where no Linux tells."""
    FORGET_PEAK[0].write_text(FORGET_PEAK[1])
    before = _status("VmRSS")
    answer = run()
    return _status("VmHWM") - before - _bytes(answer)


def _status(name: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) << 10


def _bytes(answer: Any) -> int:
    if isinstance(answer, Iterable) and not hasattr(answer, "nbytes"):
        return sum(_bytes(each) for each in answer)
    return int(getattr(answer, "nbytes", 0))


def _main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("op", "case", "contestant"):
        parser.add_argument(name)
    given = parser.parse_args()
    with limit_threads():
        for build in cases(given.op, "cpu", small=True).values():
            small = build()
            if given.contestant in {each.name for each in small.contestants}:
                small[given.contestant].prepare()()
        contestant = cases(given.op, "cpu")[given.case]()[given.contestant]
        with processor.at_most(contestant.isa or processor.INSTRUCTION_SETS[-1]):
            print(of_process(contestant.prepare()))


if __name__ == "__main__":
    _main()
