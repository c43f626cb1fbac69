"""What executors cost and what they gain, into bench/results/executors.csv.

    python plugins/ray/bench/executors.py tasks [--rounds 5] [--calls 200]
    python plugins/ray/bench/executors.py seeds [--rounds 3] [--epochs 20]

``tasks``: milliseconds a task of each executor with two workers, for one that does nothing, and for one that is given
what the fit of a part is given, and does nothing. The first counts from making the executor to the result: it starts
processes and Ray, and imports torch. Then one after another, and all at once. The floor is to pickle and call here.

``seeds``: seconds of a whole ``ctk run`` of four seeds of the quick preset's residual-mlp, two at a time against one
after another; ``ratio`` is to one after another with one thread. Runs take turns; the median counts.

The machine has to be quiet: what else runs slows two workers more than one.
"""

from __future__ import annotations

import argparse
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ctk import api
from ctk.bench.tables import BenchRow, machine, save
from ctk.cli import print_table
from ctk.components.executors import Serial, local
from ctk.plugins import plugins
from ctk.workflow.fit import FitTask
from ctk.workflow.plan_run import parts_of
from ctk.workflow.prepare import prepare
from ctk_ray.executor import RayExecutor

RESULTS = Path(__file__).parents[3] / "bench" / "results"
MEMBER = (
    "{{model: {{name: residual-mlp, hidden: 512, layers: 1}}, loss: info-nce, epochs: {epochs}, "
    "batch: {{size: 1024, by: image}}}}"
)
WAYS = {
    "one after another, one thread": ("local", 1, 1),
    "one after another, two threads": ("local", 1, 2),
    "two at a time, local": ("local", 2, 1),
    "two at a time, Ray": ("ray", 2, 1),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["tasks", "seeds"])
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CTK_RUNS"] = folder
        rows = (
            tasks(given.rounds or 5, given.calls) if given.what == "tasks" else seeds(given.rounds or 3, given.epochs)
        )
    save(rows, machine(), given.out)
    columns = ["case", "contestant", "runs", "p20 ms", "p50 ms", "p80 ms", "ratio"]
    shown = [
        [row.case, row.contestant, row.runs, *map(_shown, (row.p20_ms, row.p50_ms, row.p80_ms, row.ratio))]
        for row in rows
    ]
    print_table(columns, shown, numbers=5)


def tasks(rounds: int, calls: int) -> list[BenchRow]:
    """Milliseconds a task. ``id`` is the function: it takes anything, does nothing, and every process has it."""
    makers: dict[str, Callable[[], Executor]] = {
        "serial": lambda: Serial(1, 1),
        "local": lambda: local(2, 1),
        "ray": lambda: RayExecutor(2 * calls, 1, address="local"),
    }
    rows = []
    for case, given in {"empty task": 0, "a part's task": _task()}.items():
        times: dict[str, list[float]] = defaultdict(list)
        for _ in range(rounds):
            begun = time.perf_counter()
            for _ in range(calls):
                id(pickle.loads(pickle.dumps(given)))
            times["pickled and called here"].append((time.perf_counter() - begun) / calls)
            for name, make in makers.items():
                for what, seconds in _round(make, given, calls).items():
                    times[f"{name}, {what}"].append(seconds)
        rows += [replace(row, ratio=None) for row in _rows(case, times, "pickled and called here", 1)]
    return rows


def _round(make: Callable[[], Executor], given: Any, calls: int) -> dict[str, float]:
    begun = time.perf_counter()
    with make() as pool:
        pool.submit(id, given).result()
        first = time.perf_counter() - begun
        for rest in [pool.submit(time.sleep, 5.0) for _ in range(2)]:  # both workers are up,
            rest.result()
        for future in [pool.submit(id, given) for _ in range(3 * calls)]:  # and have imported what there is to import
            future.result()
        begun = time.perf_counter()
        for _ in range(calls):
            pool.submit(id, given).result()
        alone = (time.perf_counter() - begun) / calls
        begun = time.perf_counter()
        for future in [pool.submit(id, given) for _ in range(calls)]:
            future.result()
        together = (time.perf_counter() - begun) / calls
    return {"first": first, "one after another": alone, "all at once": together}


def _task() -> FitTask:
    """What the fit of a part of the embedded data's quick preset is given."""
    plan = api.plan("aml-retrieval")
    prepared = prepare(plan.config, plan.competition, plugins())
    return FitTask(plan.run.folder, plan.config, parts_of(plan.config)[0], prepared, "", plan.competition.metric)


def seeds(rounds: int, epochs: int) -> list[BenchRow]:
    """Seconds of whole runs."""
    times: dict[str, list[float]] = defaultdict(list)
    subprocess.run(_command("local", 2, 1, 1), check=True, stdout=subprocess.DEVNULL)  # prepares the data
    for number in range(rounds):
        for name, (executor, workers, threads) in WAYS.items():
            begun = time.perf_counter()
            subprocess.run(_command(executor, workers, threads, epochs), check=True, stdout=subprocess.DEVNULL)
            times[name].append(time.perf_counter() - begun)
            print(f"round {number + 1}, {name}: {times[name][-1]:.1f} s", flush=True)
    return _rows(f"4 seeds of residual-mlp, {epochs} epochs", times, next(iter(WAYS)), None)


def _command(executor: str, workers: int, threads: int, epochs: int) -> list[str]:
    overrides = [
        f"members=[{MEMBER.format(epochs=epochs)}]",
        "trackers=[]",
        "blend=mean",
        f"executor.threads={threads}",
    ]
    address = ["--address", "local"] if executor == "ray" else []
    command = [sys.executable, "-m", "ctk", "run", "aml-retrieval", "--seeds", "1,2,3,4"]
    command += ["--executor", executor, "--workers", str(workers), *address]
    return command + [part for each in overrides for part in ("-o", each)]


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:,.3f}" if value < 1000 else f"{value:,.0f}"


def _rows(case: str, times: dict[str, list[float]], floor: str, threads: int | None) -> list[BenchRow]:
    base = 1e3 * statistics.median(times[floor])
    rows = []
    for name, seconds in times.items():
        low, high = np.percentile(1e3 * np.array(seconds), (20, 80), method="nearest")
        median = 1e3 * statistics.median(seconds)
        kind = {"op": "executors", "device": "cpu", "case": case, "contestant": name, "threads": threads, "note": ""}
        unknown = dict.fromkeys(("isa", "extra_mb", "score", "error"))
        measured = {"runs": len(seconds), "p20_ms": low, "p50_ms": median, "p80_ms": high, "ratio": median / base}
        rows.append(BenchRow(role="floor" if name == floor else "ctk", **kind, **unknown, **measured))
    return rows


if __name__ == "__main__":
    main()
