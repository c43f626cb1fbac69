"""The competition's metric beside scikit-learn's r2_score: on arrays, and on files beside what pandas reads.

    python competitions/leap_climsim/bench/scoring.py [--rows 100000] [--csv-rows 20000] [--rounds 3]

Times are of one process with two threads, in which contestants take turns; imports are not timed, reading files that
lie in the page cache is. Memory is the peak of anonymous memory (what is above the page cache) that a call adds in a
process of its own. The difference is that of the mean R2 from scikit-learn's.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
from sklearn.metrics import r2_score

from ctk.bench.threads import limited
from ctk.samples import Samples
from ctk_leap_climsim.columns import TARGETS
from ctk_leap_climsim.r2 import r2_by_column
from ctk_leap_climsim.scoring import score_file
from ctk_leap_climsim.submission import write

STATUS = Path("/proc/self/status")
SAMPLED = 0.005
"""Seconds between two looks at the memory."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("rows", 100_000), ("csv-rows", 20_000), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--memory-of", nargs=3, metavar=("CASE", "CONTESTANT", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.memory_of:
        case, contestant, place = given.memory_of
        print(extra_memory(contestants(case, Path(place))[contestant]))
        return
    print(f"{'':40}{'seconds':>9} {'extra GB':>9} {'difference':>11}")
    with tempfile.TemporaryDirectory() as folder, limited():
        for case, rows in (("arrays", given.rows), ("parquet", given.rows), ("csv", given.csv_rows)):
            place = Path(folder) / case
            make(case, rows, place)
            runs = contestants(case, place)
            times, answers = in_turns(runs, given.rounds)
            for name in runs:
                command = [sys.executable, __file__, "--memory-of", case, name, str(place)]
                told = subprocess.run(command, capture_output=True, text=True, check=True)
                difference = answers[name] - answers["scikit-learn"]
                label = f"{case}, {rows:,} x {len(TARGETS)}: {name}"
                print(f"{label:40}{times[name]:9.2f} {float(told.stdout) / 1e9:9.2f} {difference:11.1e}")


def make(case: str, rows: int, place: Path) -> None:
    """A truth and a submission, as arrays on disk or as tables: columns of all sizes, some constant, rows in order."""
    place.mkdir()
    random = np.random.default_rng(0)
    truth = random.standard_normal((rows, len(TARGETS))) * 10.0 ** random.uniform(-12, 3, len(TARGETS))
    truth[:, :60] = 0
    answer = truth * random.uniform(0.5, 1.5, (rows, 1))
    for name, values in (("truth", truth), ("answer", answer)):
        if case == "arrays":
            np.save(place / f"{name}.npy", values)
        else:
            write(place / f"{name}.{case}", Samples(ids=np.arange(rows), features={}), values)


def contestants(case: str, place: Path) -> dict[str, Callable[[], float]]:
    """By name, what gives the mean R2."""
    if case == "arrays":
        truth, answer = np.load(place / "truth.npy"), np.load(place / "answer.npy")
        return {
            "ctk": lambda: float(r2_by_column(answer, truth, np.ones(len(TARGETS))).mean()),
            "scikit-learn": lambda: float(r2_score(truth, answer)),
        }
    read = pd.read_parquet if case == "parquet" else pd.read_csv
    answers, truths = place / f"answer.{case}", place / f"truth.{case}"

    def theirs() -> float:
        solution, submission = (read(path).drop(columns="sample_id").to_numpy() for path in (truths, answers))
        return float(r2_score(solution, submission))

    return {"ctk": lambda: score_file(answers, truths)["r2"], "scikit-learn": theirs}


def in_turns(runs: dict[str, Callable[[], float]], rounds: int) -> tuple[dict[str, float], dict[str, float]]:
    """Median seconds and the answer by name."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    answers = {}
    for _ in range(rounds):
        for name, run in runs.items():
            begun = time.perf_counter()
            answers[name] = run()
            times[name].append(time.perf_counter() - begun)
    return {name: median(each) for name, each in times.items()}, answers


def extra_memory(run: Callable[[], float]) -> int:
    """Bytes of anonymous memory that a call adds at its peak."""
    before: int = anonymous()
    with peak_of_memory() as peak, limited():
        run()
    return max(peak) - before


@contextmanager
def peak_of_memory() -> Iterator[list[int]]:
    """Yields the list of what was seen."""
    seen, over = [anonymous()], threading.Event()

    def look() -> None:
        while not over.wait(SAMPLED):
            seen.append(anonymous())

    looker = threading.Thread(target=look)
    looker.start()
    try:
        yield seen
    finally:
        over.set()
        looker.join()


def anonymous() -> int:
    """Bytes of this process's memory that are no file's."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith("RssAnon:"))
    return int(line.split()[1]) << 10


if __name__ == "__main__":
    main()
