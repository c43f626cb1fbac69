"""What a command imports before it works: seconds of one processor and modules, in the driver and in a worker.

    python bench/imports.py                                       this environment
    python bench/imports.py --rounds 5 OLD/bin/python             beside another one, in alternation
    python bench/imports.py --csv bench/results/imports.csv

A run is measured until its first fit begins: the driver when it submits it, the worker when the fit asks for its
tracker's logger. Commands are run once before they are measured, so that the data is prepared and files are compiled.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import click

PROBE = '''
import json, os, resource, sys

def report(process):
    """Append what this process has imported, and the user time it took so far, to the file of the measurement."""
    seconds = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    with open(os.environ["MEASURED"], "a") as file:
        print(json.dumps({"process": process, "seconds": seconds, "modules": list(sys.modules)}), file=file)
'''
PLUGIN = (
    PROBE
    + """
from ctk import hookimpl

@hookimpl
def ctk_register_executors(register):
    register("measured", executor)

@hookimpl
def ctk_register_trackers(register):
    register("measured", tracker)

def executor(workers: int, threads: int):
    from ctk.components.executors import local

    pool = local(workers, threads)
    submit = pool.submit

    def first(*args, **given):
        pool.submit = submit
        report("driver")
        return submit(*args, **given)

    pool.submit = first
    return pool

def tracker(folder, name):
    from ctk.errors import CtkError

    report("worker")
    raise CtkError("The first fit begins here, and the measurement ends.")
"""
)
WHOLE = PROBE + 'import atexit, runpy; atexit.register(report, "driver"); runpy.run_module("ctk", run_name="__main__")'
PART = 'import runpy; runpy.run_module("ctk", run_name="__main__")'


def measure(python: Path, folder: Path, program: str, arguments: list[str]) -> list[dict[str, Any]]:
    """Run a command of ctk and return what its processes reported. Raises RuntimeError where none did."""
    reports = folder / "measured.jsonl"
    reports.unlink(missing_ok=True)
    settings = {"MEASURED": str(reports), "CTK_RUNS": str(folder / "runs"), "CTK_CACHE": str(folder / "cache")}
    command = [str(python), "-c", program, *arguments]
    done = subprocess.run(command, cwd=folder, env=os.environ | settings, capture_output=True, text=True)
    if not reports.exists():
        raise RuntimeError(f"{' '.join(arguments)}: {done.stderr}")
    return [json.loads(line) for line in reports.read_text().splitlines()]


def commands(python: Path, folder: Path) -> dict[str, tuple[str, list[str]]]:
    """What is measured: the program and its arguments by the command's name. Makes the submission and the plugin."""
    measure(python, folder, WHOLE, ["run", "aml-retrieval", "--dry-run"])
    submission = next((folder / "runs").rglob("submission.csv"))
    (folder / "plugins").mkdir()
    (folder / "plugins" / "measured.py").write_text(PLUGIN)
    run = ["--plugins-dir", str(folder / "plugins"), "run", "aml-retrieval", "--executor", "measured", "--workers", "1"]
    return {
        "ctk --help": (WHOLE, ["--help"]),
        "ctk run --help": (WHOLE, ["run", "--help"]),
        "ctk validate": (WHOLE, ["validate", "aml-retrieval", str(submission)]),
        "ctk run": (PART, [*run, "-o", "trackers=[{name: measured}]"]),
    }


def largest(modules: list[str]) -> str:
    """The libraries with the most modules."""
    counts = Counter(name.partition(".")[0] for name in modules)
    for own in sys.stdlib_module_names:
        del counts[own]
    return ", ".join(f"{name} {count}" for name, count in counts.most_common(8))


@click.command()
@click.argument("others", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="[PYTHON]...")
@click.option("--rounds", default=3, show_default=True, help="How often each is measured; the median is shown.")
@click.option("--csv", "path", type=click.Path(path_type=Path), help="Write the rows to this file.")
def main(others: tuple[Path, ...], rounds: int, path: Path | None) -> None:
    """Print a row a command, process and environment."""
    pythons = [*(each.absolute() for each in others), Path(sys.executable)]
    seconds: dict[tuple[str, str, int], list[float]] = {}
    modules: dict[tuple[str, str, int], list[str]] = {}
    with TemporaryDirectory() as temporary:
        asked = []
        for number, python in enumerate(pythons):
            folder = Path(temporary) / str(number)
            folder.mkdir()
            asked.append(commands(python, folder))
        for _ in range(rounds + 1):
            for name in asked[0]:
                for number, python in enumerate(pythons):
                    for found in measure(python, Path(temporary) / str(number), *asked[number][name]):
                        key = name, found["process"], number
                        seconds.setdefault(key, []).append(found["seconds"])
                        modules[key] = found["modules"]
    columns = ["command", "process", "environment", "seconds", "modules", "of ctk", "libraries"]
    rows = [
        [
            name,
            process,
            str(pythons[number].parents[2]),
            f"{median(seconds[name, process, number][1:]):.2f}",  # the first round warms up
            str(len(found)),
            str(sum(each.partition(".")[0] == "ctk" for each in found)),
            largest(found),
        ]
        for (name, process, number), found in modules.items()
    ]
    for row in [columns, *rows]:
        print("{:<15} {:<7} {:<24} {:>7} {:>7} {:>6}  {}".format(*row))
    if path is not None:
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([columns, *rows])


if __name__ == "__main__":
    main()
