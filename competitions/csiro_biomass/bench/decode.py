"""Preparing the competition's folder, beside decoding and resizing its pictures by Pillow in one process.

    python competitions/csiro_biomass/bench/decode.py [--images 60] [--seconds 60] [--size 224 448] [--results FOLDER]

Ours does the whole preparation: it reads and checks the tables, stamps, decodes and resizes every picture, and writes
the store. Pillow decodes one picture of 2,000 x 1,000 after another, whole, resizes it and writes it into a
memory-mapped file; with its draft mode it decodes it smaller, as ours does. The floor reads the pictures' bytes and
writes as many as the store has. All take turns in one process, on files that lie in the page cache. The error is the
mean difference of pixels from Pillow's whole decoding, in 255ths.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from ctk.bench.bench_case import BenchCase, Contestant, Verdict
from ctk.bench.measure import measure
from ctk.bench.tables import machine, save
from ctk.cli.bench import print_rows
from ctk.files import read_npy
from ctk.samples import Array
from ctk_csiro_biomass.columns import TARGETS
from ctk_csiro_biomass.reading.reader import CSIROBiomassReader

Size = tuple[int, int]


def main() -> None:
    """Print the table and keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("images", 60), ("seconds", 60)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--size", type=int, nargs=2, default=(224, 448), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--results", type=Path, help="folder of the CSV tables; left out, nothing is kept")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ctk-bench-") as folder:
        measured = measure("decoding", case(Path(folder), given.images, (given.size[0], given.size[1]), given.seconds))
        print_rows(measured)
        for row in measured:
            if row.p50_ms is not None:
                print(f"{row.contestant:34}{1e3 * given.images / row.p50_ms:10,.1f} pictures/s")
    peak = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(f"largest memory: {peak[0]:,.0f} MB of this process, {peak[1]:,.0f} MB of one that decodes")
    if given.results:
        save(measured, machine(), given.results)


def case(place: Path, images: int, size: Size, seconds: float) -> BenchCase:
    """So many training pictures; the test has one."""
    folder = place / "data"
    paths = write(folder, images)
    contestants = [
        Contestant("reading and writing bytes", lambda: partial(copy, paths, size, place / "bytes"), "floor"),
        Contestant("ctk, whole preparation", lambda: partial(prepare, folder, size, place), "ctk"),
        Contestant("Pillow, one process", lambda: partial(by_pillow, paths, size, place)),
        Contestant("Pillow, draft mode, one process", lambda: partial(by_pillow, paths, size, place, True)),
    ]
    right = np.array(by_pillow(paths, size, place))
    return BenchCase(
        f"{images:,} of 2,000 x 1,000 to {size[1]} x {size[0]}", "cpu", contestants, partial(judge, right), seconds
    )


def prepare(folder: Path, size: Size, place: Path) -> Array:
    """The whole, into a folder beside which no earlier preparation lies."""
    prepared = Path(tempfile.mkdtemp(dir=tempfile.mkdtemp(dir=place)))
    CSIROBiomassReader(size=size).prepare(folder, prepared, lambda what, done, total: None)
    return read_npy(prepared / "train" / "features" / "image.npy")


def by_pillow(paths: list[Path], size: Size, place: Path, draft: bool = False) -> Array:
    """One picture after another into a memory-mapped file."""
    shape = (len(paths), *size, 3)
    pictures = np.lib.format.open_memmap(Path(tempfile.mkdtemp(dir=place)) / "image.npy", "w+", np.uint8, shape)
    for number, path in enumerate(paths):
        with Image.open(path) as picture:
            if draft:
                picture.draft("RGB", size[::-1])
            pictures[number] = np.asarray(picture.convert("RGB").resize(size[::-1], Image.Resampling.BICUBIC))
    pictures.flush()
    return pictures


def copy(paths: list[Path], size: Size, written: Path) -> None:
    """Read the pictures' bytes, write as many as their pixels have, and sync them."""
    block = bytes(size[0] * size[1] * 3)
    with written.open("wb") as file:
        for path in paths:
            path.read_bytes()
            file.write(block)
        file.flush()
        os.fdatasync(file.fileno())


def judge(right: Array, answer: Array | None) -> Verdict:
    """None is the floor's answer."""
    if answer is None:
        return Verdict()
    return Verdict(error=max(float(np.abs(a.astype(int) - b).mean()) for a, b in zip(right, answer, strict=True)))


def write(folder: Path, images: int) -> list[Path]:
    """A folder of noisy pictures, about as large as the competition's files; returns the training pictures."""
    random = np.random.default_rng(0)
    tables = []
    for number in range(images + 1):
        part, id = ("train" if number < images else "test"), f"ID{number}"
        (folder / part).mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(random.integers(20, 200, (250, 500, 3)).astype(np.uint8)).resize((2000, 1000))
        noisy = np.asarray(coarse) + random.normal(0, 12, (1000, 2000, 1))
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / part / f"{id}.jpg", quality=95)
        rows = {"sample_id": [f"{id}__{name}" for name in TARGETS], "image_path": f"{part}/{id}.jpg"}
        tables.append(pd.DataFrame({**rows, "target_name": TARGETS, "target": 0.0}))
    train = pd.concat(tables[:images])
    train.to_csv(folder / "train.csv", index=False)
    tables[-1].drop(columns="target").to_csv(folder / "test.csv", index=False)
    return [folder / path for path in train["image_path"].drop_duplicates()]


if __name__ == "__main__":
    main()
