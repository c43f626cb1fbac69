"""Blending more predictions than memory holds: time and memory of each step, on a store made for it and removed again.

    python competitions/leap_climsim/bench/wide_blend.py [--members 16] [--rows 600000] [--folder DIR]

Members (rows x 368, float32) lie in a run's store, the target (float64) in a folder of samples, as a run would have
them. Anonymous memory is what a process must have; pages of mapped files the system drops when it needs room.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import numpy as np

from ctk.components.hill_climbs import HillClimb
from ctk.runs import Part, Predictions, Run
from ctk.samples import Samples, Targets
from ctk.workflow.predictions import MemberPredictions, gather_predictions
from ctk_leap_climsim.columns import GROUPS, TARGETS
from ctk_leap_climsim.metric import METRIC

STATUS = Path("/proc/self/status")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=16)
    parser.add_argument("--rows", type=int, default=600_000)
    parser.add_argument("--folder", type=Path, help="on a disk with room for it; default: the system's temporary one")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        begun = time.perf_counter()
        run = make(Path(name), given.members, given.rows)
        stored = sum(path.stat().st_size for path in Path(name).rglob("*.npy"))
        print(
            f"{given.members} members x {given.rows:,} rows x {len(TARGETS)} columns: {stored / 1e9:.1f} GB,", end=" "
        )
        print(
            f"made in {time.perf_counter() - begun:.0f} s; {len(os.sched_getaffinity(0))} processors, float32/float64\n"
        )
        print("step                              seconds  anonymous MB  R2")
        report(Path(name), run)


def make(folder: Path, members: int, rows: int) -> Run:
    """A run's store: members that share an error, each with its own in every column."""
    random = np.random.default_rng(0)
    shape = (rows, len(TARGETS))
    target = random.standard_normal(shape)
    names = np.array(TARGETS)
    Samples(np.arange(rows), {}, target=target, targets=Targets(names, GROUPS)).save(folder / "valid")
    run = Run(folder / "run")
    run.folder.mkdir()
    named = [{"name": f"m{number:02}"} for number in range(members)]
    run.write_config({"competition": "leap-climsim", "preset": "bench", "members": named}, [], {})
    shared = target.astype(np.float32)
    shared += np.float32(0.4) * random.standard_normal(shape, np.float32)
    few = Predictions(np.arange(2), np.zeros((2, len(TARGETS)), np.float32))
    for member in named:
        level = random.uniform(0.3, 1.2, len(TARGETS)).astype(np.float32)
        values = random.standard_normal(shape, np.float32) * level
        values += shared
        run.write_part(Part(member["name"], 1, 0), "", Predictions(np.arange(rows), values), few, curve=[], seconds=0)
    return run


def report(folder: Path, run: Run) -> None:
    """Each step with its time and memory."""
    valid, test = Samples.open(folder / "valid"), Samples(np.arange(2), {})
    members: MemberPredictions = step("gather", lambda: gather_predictions({"": run}, valid, test))
    for weights in ("model", "group", "column"):
        blender = HillClimb(weights=weights)
        blend = step(f"hill-climb, weights: {weights}", lambda b=blender: b.fit(members.oof, valid, METRIC))
    step("apply", lambda: blend.apply(members.oof))


def step(name: str, work: Callable[[], Any]) -> Any:
    """The answer; time, the most that anonymous memory grew, looked at every 20 ms, and a blend's score are printed."""
    before, begun, peak = anonymous(), time.perf_counter(), 0.0
    with ThreadPoolExecutor(1) as thread:
        working = thread.submit(work)
        while not wait([working], timeout=0.02).done:
            peak = max(peak, anonymous() - before)
    answer = working.result()
    score = f"{answer.score:10.6f}" if hasattr(answer, "score") else ""
    print(f"{name:<32} {time.perf_counter() - begun:8.1f} {peak:13,.0f} {score}", flush=True)
    return answer


def anonymous() -> float:
    """MB of this process's memory that are no file's, as the kernel counts them."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith("RssAnon:"))
    return int(line.split()[1]) * 1024 / 1e6


if __name__ == "__main__":
    main()
