"""Preparing the competition's folder, beside decoding its pictures by Pillow in one process.

    python competitions/atmacup_18/bench/decode.py [--rows 2000] [--seconds 30] [--results FOLDER]

Ours does the whole preparation: it reads and checks tables and lights, stamps, decodes and checks every picture, and
writes the store. "pictures alone" is the part of it that the peer does too: Pillow, one picture after another, into a
memory-mapped file. The floor reads the pictures' bytes and writes as many as the frames have. All take turns in one
process, on files that lie in the page cache. The error is the largest difference of any pixel.
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
from ctk.data import PictureRows, SamplesWriter
from ctk.files import read_npy
from ctk.samples import Array
from ctk_atmacup_18.columns import FEATURES, FRAMES, GEAR, HEIGHT, ID, SWITCHES, TARGETS, WIDTH
from ctk_atmacup_18.reading.reader import AtmaCup18Reader


def main() -> None:
    """Print the table and keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("rows", 2000), ("seconds", 30)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--results", type=Path, help="folder of the CSV tables; left out, nothing is kept")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ctk-bench-") as folder:
        measured = measure("decoding", case(Path(folder), given.rows, given.seconds))
        print_rows(measured)
        for row in measured:
            if row.p50_ms is not None:
                print(f"{row.contestant:34}{1e3 * len(FRAMES) * given.rows / row.p50_ms:10,.0f} pictures/s")
    peak = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(f"largest memory: {peak[0]:,.0f} MB of this process, {peak[1]:,.0f} MB of one that decodes")
    if given.results:
        save(measured, machine(), given.results)


def case(place: Path, rows: int, seconds: float) -> BenchCase:
    """A training table of so many rows; the test has one."""
    folder = place / "data"
    ids = write(folder, rows)
    names = [[f"{id}/{frame}" for frame in FRAMES] for id in ids]
    paths = [folder / "images" / name for three in names for name in three]
    contestants = [
        Contestant("reading and writing bytes", lambda: partial(copy, paths, place / "bytes"), "floor"),
        Contestant("ctk, whole preparation", lambda: partial(prepare, folder, place), "ctk"),
        Contestant("ctk, pictures alone", lambda: partial(pictures, folder, ids, names, place), "ctk"),
        Contestant("Pillow, one process", lambda: partial(by_pillow, paths, place)),
    ]
    right = by_pillow(paths, place)
    return BenchCase(f"{rows:,} rows", "cpu", contestants, partial(judge, np.array(right)), seconds)


def prepare(folder: Path, place: Path) -> Array:
    """The whole, into a folder beside which no earlier preparation lies."""
    prepared = Path(tempfile.mkdtemp(dir=tempfile.mkdtemp(dir=place)))
    AtmaCup18Reader().prepare(folder, prepared, lambda what, done, total: None)
    return read_npy(prepared / "train" / "features" / "frames.npy")


def pictures(folder: Path, ids: list[str], names: list[list[str]], place: Path) -> Array:
    """Decoding into the store alone."""
    prepared = Path(tempfile.mkdtemp(dir=place))
    stamps = np.zeros((len(ids), len(FRAMES), 2), np.int64)
    writer = SamplesWriter(prepared)
    rows = PictureRows("frames", folder / "images", np.array(ids), names, stamps, (len(FRAMES), HEIGHT, WIDTH, 3))
    for _, block in rows.blocks(0):
        writer.append({"features/frames": block})
    writer.finish({})
    return read_npy(prepared / "features" / "frames.npy")


def by_pillow(paths: list[Path], place: Path) -> Array:
    """One picture after another into a memory-mapped file."""
    shape = (len(paths) // len(FRAMES), len(FRAMES), HEIGHT, WIDTH, 3)
    frames = np.lib.format.open_memmap(Path(tempfile.mkdtemp(dir=place)) / "frames.npy", "w+", np.uint8, shape)
    flat = frames.reshape(-1, *shape[2:])
    for number, path in enumerate(paths):
        with Image.open(path) as picture:
            flat[number] = np.asarray(picture.convert("RGB"))
    frames.flush()
    return frames


def copy(paths: list[Path], written: Path) -> None:
    """Read the pictures' bytes, write as many as their pixels have, and sync them."""
    for path in paths:
        path.read_bytes()
    block = bytes(HEIGHT * WIDTH * 3)
    with written.open("wb") as file:
        for _ in paths:
            file.write(block)
        file.flush()
        os.fdatasync(file.fileno())


def judge(right: Array, answer: Array | None) -> Verdict:
    """None is the floor's answer."""
    if answer is None:
        return Verdict()
    return Verdict(error=float(max(np.abs(a.astype(int) - b).max() for a, b in zip(right, answer, strict=True))))


def write(folder: Path, rows: int) -> list[str]:
    """A folder of random driving, its pictures about as large as the competition's; returns the training ids."""
    random = np.random.default_rng(0)
    ids = [f"{random.bytes(16).hex()}_20" for _ in range(rows + 1)]
    table = pd.DataFrame({name: random.random(len(ids)) for name in (*FEATURES, *TARGETS)})
    table[list(SWITCHES)], table[GEAR] = False, "drive"
    table.insert(0, ID, ids)
    (folder / "traffic_lights").mkdir(parents=True)
    for id in ids:
        (folder / "traffic_lights" / f"{id}.json").write_text("[]")
        (folder / "images" / id).mkdir(parents=True)
        for name in FRAMES:
            coarse = Image.fromarray(random.integers(0, 255, (8, 16, 3)).astype(np.uint8)).resize((WIDTH, HEIGHT))
            noisy = np.asarray(coarse) + random.normal(0, 4, (HEIGHT, WIDTH, 3))
            Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / "images" / id / name)
    table[:rows].to_csv(folder / "train_features.csv", index=False)
    table[rows:].drop(columns=list(TARGETS)).to_csv(folder / "test_features.csv", index=False)
    return ids[:rows]


if __name__ == "__main__":
    main()
