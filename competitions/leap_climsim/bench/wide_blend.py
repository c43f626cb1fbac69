"""Blending more predictions than memory holds: time and memory of each step, on a store made for it and removed again.

    python competitions/leap_climsim/bench/wide_blend.py [--members 16] [--rows 600000] [--folder DIR]

Members (rows x 368, float32) lie in a run's store, the target (float64) in a folder of samples, as a run would have
them. Anonymous memory is what a process must have; pages of mapped files the system drops when it needs room. Before
the step called cold the store is dropped from the page cache. Beside it stands the floor: the same bytes read by plain
reads of 4 MiB.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ctk.blend import hill_climb
from ctk.components.hill_climbs import HillClimb
from ctk.runs import Part, Predictions, Run
from ctk.samples import Array, Samples, Targets
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
        stored = sum(path.stat().st_size for path in files(Path(name)))
        print(
            f"{given.members} members x {given.rows:,} rows x {len(TARGETS)} columns: {stored / 1e9:.1f} GB,", end=" "
        )
        print(
            f"made in {time.perf_counter() - begun:.0f} s; {len(os.sched_getaffinity(0))} processors, float32/float64\n"
        )
        print("step                              seconds  anonymous MB  mapped MB  R2")
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
    members: MemberPredictions = step("gather", lambda: gather_predictions({"": run}, valid, test))[0]
    drop_from_cache(folder)
    step("plain reads, cold", lambda: read_once(folder))
    drop_from_cache(folder)
    step("Gram and climb, cold", lambda: climbed(members))
    step("plain reads again", lambda: read_once(folder))
    step("Gram and climb again", lambda: climbed(members))
    for weights in ("model", "group", "column"):
        blender = HillClimb(weights=weights)
        blend, told = step(f"hill-climb, weights: {weights}", lambda b=blender: b.fit(members.oof, valid, METRIC))
        print(f"{told}  {blend.score:.6f}")
    step("apply", lambda: blend.apply(members.oof))


def climbed(members: MemberPredictions) -> float:
    """What is one pass over the store: weights a column, without a score of the blend."""
    columns = range(len(TARGETS))
    return hill_climb(list(members.oof.values()), members.valid.target, "r2", columns=columns).score


def step(name: str, work: Callable[[], Any]) -> tuple[Any, str]:
    """The answer; time and peaks are printed, or handed back where the answer has a score to print beside them."""
    with peaks() as peak:
        begun = time.perf_counter()
        answer = work()
        seconds = time.perf_counter() - begun
    told = f"{name:<32} {seconds:8.1f} {peak['RssAnon']:13,.0f} {peak['RssFile']:10,.0f}"
    if not hasattr(answer, "score"):
        print(told, flush=True)
    return answer, told


@contextmanager
def peaks() -> Iterator[dict[str, float]]:
    """The most that these grew meanwhile, in MB, looked at every 20 ms."""
    peak = dict.fromkeys(("RssAnon", "RssFile"), 0.0)
    before = {name: resident(name) for name in peak}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            for name in peak:
                peak[name] = max(peak[name], resident(name) - before[name])

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()


def resident(name: str) -> float:
    """MB of this process, as the kernel counts them."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024 / 1e6


def files(folder: Path) -> list[Path]:
    """The large ones of a store."""
    return [*sorted(folder.glob("run/members/*/*/*/oof/values.npy")), folder / "valid" / "target.npy"]


def drop_from_cache(folder: Path) -> None:
    """Have the next reads come from the disk."""
    for path in files(folder):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read_once(folder: Path) -> None:
    """The floor: every byte of the store."""
    room: Array = np.empty(1 << 22, np.uint8)
    for path in files(folder):
        with path.open("rb", buffering=0) as file:
            while file.readinto(memoryview(room)):
                pass


if __name__ == "__main__":
    main()
