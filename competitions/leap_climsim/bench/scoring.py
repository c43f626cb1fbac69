"""The competition's metric beside scikit-learn's r2_score: on arrays, and on files beside what pandas reads.

    python competitions/leap_climsim/bench/scoring.py [--rows 100000] [--csv-rows 20000] [--seconds 12]

Times are of one process with two threads, in which contestants take turns; imports are not timed, reading files that
lie in the page cache is. Memory is the peak that a call adds in a process of its own, pages of mapped files among it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import r2_score

from ctk.bench import memory
from ctk.bench.bench_case import BenchCase, Contestant, Verdict
from ctk.bench.measure import measure
from ctk.bench.threads import limit_threads
from ctk.cli.bench import print_rows
from ctk.samples import Samples
from ctk_leap_climsim.columns import TARGETS
from ctk_leap_climsim.r2 import r2_by_column
from ctk_leap_climsim.scoring import score_file
from ctk_leap_climsim.submission import write


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("rows", 100_000), ("csv-rows", 20_000), ("seconds", 12)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--memory-of", nargs=3, metavar=("CASE", "CONTESTANT", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.memory_of:
        case, contestant, place = given.memory_of
        with limit_threads():
            print(memory.of_process(contestants(case, Path(place))[contestant]))
        return
    with tempfile.TemporaryDirectory() as folder:
        for case, rows in (("arrays", given.rows), ("parquet", given.rows), ("csv", given.csv_rows)):
            place = Path(folder) / case
            make(case, rows, place)
            measured = measure("scoring", bench_case(case, rows, place, given.seconds))
            print_rows([replace(row, extra_mb=extra_mb(case, row.contestant, place)) for row in measured])


def bench_case(case: str, rows: int, place: Path, seconds: float) -> BenchCase:
    """Both ways to the mean R2; the error is the difference from scikit-learn's."""
    runs = contestants(case, place)
    right = runs["scikit-learn"]()
    return BenchCase(
        f"{case} {rows:,} x {len(TARGETS)}",
        "cpu",
        [Contestant(name, lambda run=run: run, "ctk" if name == "ctk" else "peer") for name, run in runs.items()],
        lambda score: Verdict(score, abs(score - right)),
        seconds,
    )


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


def extra_mb(case: str, contestant: str, place: Path) -> float:
    """What a call adds at its peak to the resident memory of a fresh process, MB."""
    command = [sys.executable, __file__, "--memory-of", case, contestant, str(place)]
    environment = {**os.environ, **memory.GIVE_BACK}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return int(done.stdout) / 1e6


if __name__ == "__main__":
    main()
