"""Time steps made in child processes, a few at a time, one process a batch: RRTMG can end the process it runs in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Any, Self

from ctk.errors import CtkError

BATCH = 24
"""Time steps a process makes: starting one costs about as much as ten of them."""
WORKER = (sys.executable, "-m", "ctk_leap_climsim.synthetic.worker")
ATTEMPTS = 2
"""How often a time step is tried, with other columns each time."""


class Batches:
    """Runs batches on some workers at once. A context manager: whatever ends the block, no child is left running."""

    def __init__(self, out: Path, seed: int, steps: int, workers: int) -> None:
        self.job = {"out": str(out), "seed": seed, "steps": steps}
        self.workers = workers
        self.children: set[subprocess.Popen[str]] = set()
        self.lock = Lock()
        self.stopped = False
        self.pool = ThreadPoolExecutor(workers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.stopped = True
            for child in self.children:
                child.kill()
        self.pool.shutdown(wait=True, cancel_futures=True)

    def run(self, todo: list[int]) -> Iterator[int]:
        """Make time steps; yields each as it is done, in any order. CtkError as soon as a batch fails for good."""
        length = min(BATCH, -(-len(todo) // self.workers))  # every worker has something to do
        says: SimpleQueue[int | None] = SimpleQueue()
        batches = [self.pool.submit(self._batch, todo[at : at + length], says) for at in range(0, len(todo), length)]
        for batch in batches:
            batch.add_done_callback(lambda _: says.put(None))
        left = len(batches)
        while left:
            if (step := says.get()) is not None:
                yield step
                continue
            left -= 1
            for batch in batches:
                if batch.done() and (error := batch.exception()):
                    raise error

    def _batch(self, todo: list[int], says: SimpleQueue[int | None]) -> None:
        attempts = dict.fromkeys(todo, 0)
        while attempts and not self.stopped:
            code, last_words = self._child(attempts, says)
            if not attempts or self.stopped:
                return
            died = next(iter(attempts))  # the first that it did not say is made
            attempts[died] += 1
            if attempts[died] == ATTEMPTS:
                raise CtkError(
                    f"{self.job['out']}: making time step {died} of seed {self.job['seed']} ended its process"
                    f" {ATTEMPTS} times ({_ending(code)}{last_words}).",
                    "Give another --seed and another --out.",
                )

    def _child(self, attempts: dict[int, int], says: SimpleQueue[int | None]) -> tuple[int, str]:
        """Run one process; what it makes leaves ``attempts``. Returns its exit code and last line of errors."""
        with tempfile.TemporaryFile("w+", errors="replace") as errors:
            with self.lock:
                if self.stopped:
                    return 0, ""
                child = subprocess.Popen(
                    WORKER,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                    env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
                )
                self.children.add(child)
            with child:
                assert child.stdin is not None
                assert child.stdout is not None
                with suppress(BrokenPipeError):  # it may end before it has read its job; its exit code is told below
                    child.stdin.write(json.dumps({**self.job, "todo": list(attempts.items())}))
                    child.stdin.close()
                for line in child.stdout:
                    said: dict[str, Any] = json.loads(line)
                    if "problem" in said:
                        raise CtkError(said["problem"], said["help"])
                    del attempts[said["made"]]
                    says.put(said["made"])
            with self.lock:
                self.children.discard(child)
            errors.seek(0)
            words = errors.read().strip().splitlines()
            return child.returncode, f": {words[-1]}" if words else ""


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
