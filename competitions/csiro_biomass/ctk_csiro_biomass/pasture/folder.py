"""A folder in the competition's own layout, filled with drawn pictures and what was weighed."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from ctk.errors import CtkError
from ctk.machine import cores
from ctk_csiro_biomass.pasture.picture import Weighed
from ctk_csiro_biomass.pasture.plots import Plot, plan_plots

if TYPE_CHECKING:
    from ctk.contract import Progress  # every process that draws would import all of it

WORKER = (sys.executable, "-P", "-m", "ctk_csiro_biomass.pasture.worker")
ORDER = ("Dry_Clover_g", "Dry_Dead_g", "Dry_Green_g", "Dry_Total_g", "GDM_g")
"""Rows of an image in the competition's tables."""
METADATA = ("Sampling_Date", "State", "Species", "Pre_GSHH_NDVI", "Height_Ave_cm")
NOTICE = """\
# Synthetic data

These pictures are **synthetic**: a program, ctk_csiro_biomass.pasture, drew them, and the grams are those of what it
drew, with noise. Nobody has cut, dried or weighed this grass, and no picture of the competition is among them. The
layout, the columns and the rough statistics are the competition's (CSIRO Image2Biomass, Kaggle, 2025); scores on these
pictures say nothing about real pastures.

{images} pictures to train on, {test} to predict (their grams are in test_truth.csv), {width} x {height} pixels, seed
{seed}.
"""


def write_pasture(
    folder: Path,
    images: int,
    test: int,
    *,
    seed: int = 0,
    size: tuple[int, int] = (250, 500),
    progress: Progress = lambda what, done, total: None,
    processes: int | None = None,
) -> None:
    """Write train.csv, test.csv, sample_submission.csv, test_truth.csv, NOTICE.md and pictures under train/ and test/.

    images, test  how many pictures to train on and to predict
    seed          of everything: the same seed, numbers and size give the same files, for the same NumPy and Pillow
    size          pixels of a picture, height and width
    processes     how many draw; the machine's cores by default, which changes nothing of what is drawn
    Raises CtkError where a process that draws ends before its time. The tables come last.
    """
    folder = Path(folder)
    plots = plan_plots(images, test, seed)
    for part in ("train", "test"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    job = {"folder": str(folder.absolute()), "images": images, "test": test, "seed": seed, "size": size}
    weighed: dict[int, Weighed] = {}
    for line in _drawn(job, min(processes or cores(), len(plots))):
        number = line.pop("number")
        weighed[number] = Weighed(**line)
        progress("drawing a synthetic pasture", len(weighed), len(plots))
    rows = [(plot, weighed[number]) for number, plot in enumerate(plots)]
    train, tested = rows[:images], rows[images:]
    for name, header, lines in (
        ("sample_submission.csv", ("sample_id", "target"), ((id, 0.0) for id, *_ in _long(tested))),
        ("test_truth.csv", ("sample_id", "target"), ((id, grams) for id, _, _, _, grams in _long(tested))),
        (
            "test.csv",
            ("sample_id", "image_path", "target_name"),
            ((id, path, name) for id, path, _, name, _ in _long(tested)),
        ),
        (
            "train.csv",
            ("sample_id", "image_path", *METADATA, "target_name", "target"),
            ((id, path, *metadata, name, grams) for id, path, metadata, name, grams in _long(train)),
        ),
    ):
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([header, *lines])
    notice = NOTICE.format(images=images, test=test, width=size[1], height=size[0], seed=seed)
    (folder / "NOTICE.md").write_text(notice, encoding="utf-8")


def _long(rows: Sequence[tuple[Plot, Weighed]]) -> Iterator[tuple[str, str, tuple[Any, ...], str, float]]:
    """Five rows an image: sample_id, image_path, metadata, target_name, grams."""
    for plot, weighed in rows:
        date = plot.visit.date
        day = f"{date.year}/{date.month}/{date.day}"
        metadata = (day, plot.visit.state, plot.species, weighed.ndvi, weighed.height)
        for name in ORDER:
            yield f"{plot.id}__{name}", f"{plot.part}/{plot.id}.jpg", metadata, name, weighed.grams[name]


def _drawn(job: dict[str, Any], processes: int) -> Iterator[dict[str, Any]]:
    """Have processes draw; yields what they say of each picture, as it comes. None is left running afterwards."""
    lines: SimpleQueue[dict[str, Any] | Exception | None] = SimpleQueue()
    with ThreadPoolExecutor(max(1, processes)) as pool, ExitStack() as stack:
        for first in range(processes):
            process = subprocess.Popen(
                WORKER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            stack.callback(process.kill)
            pool.submit(_follow, process, json.dumps({**job, "first": first, "step": processes}), lines)
        for _ in range(processes):
            while (line := lines.get()) is not None:
                if isinstance(line, Exception):
                    raise line
                yield line


def _follow(process: subprocess.Popen[str], job: str, lines: SimpleQueue[dict[str, Any] | Exception | None]) -> None:
    """Pass on what a process says, then None, or what ended it."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        process.stdin.write(job)
        process.stdin.close()
        for line in process.stdout:
            lines.put(json.loads(line))
        why = process.stderr.read().strip().rpartition("\n")[2]
    if process.returncode:
        lines.put(CtkError(f"The synthetic pasture: a process that draws ended with code {process.returncode}.", why))
    lines.put(None)
