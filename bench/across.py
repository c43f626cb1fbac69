"""InfoNCE over several processes, keys gathered or passed on in a ring: memory of each and time of a step.

    python bench/across.py [--rows 1024] [--width 256] [--processes 1,2,3,4,8] [--results bench/results]

Every process is one rank with gloo and one thread, and ``rows`` unit vectors on both sides, float32, both with
gradients. Memory is the most bytes of tensors that are alive at once in a forward and a backward call beyond the
inputs, counted as torch makes them, and beside it what the formulas of docs/scale.md give. Logits are held to 8 MB and
count apart. With more processes than processors times are those of a crowd, and say nothing of a network.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import tempfile
import time
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing

from ctk.bench.live import Live
from ctk.bench.tables import machine
from ctk.ops import info_nce_across
from ctk.ops.across.ring import PIECES

LIMIT = 8 << 20
STEPS = 5


def expected(way: str, rows: int, width: int, ranks: int) -> float:
    """Bytes beyond inputs and logits, in backward: see docs/scale.md."""
    block = 4 * rows * width
    if way == "gather":
        # All keys and their gradients, the own part of these, and the queries' gradient.
        return block * (2 * ranks + 2)
    # Two pieces of keys, three of gradients on their way, and those that are home; the queries' gradient, and a part.
    return block * ((2 + 3 + PIECES - 1) / PIECES + 2)


def work(rank: int, ranks: int, rows: int, width: int, folder: str) -> None:
    """One process: both ways, the first rank's figures into a file."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=ranks)
    generator = torch.Generator().manual_seed(rank)
    query, key = (
        torch.nn.functional.normalize(torch.randn(rows, width, generator=generator), dim=1).requires_grad_()
        for _ in range(2)
    )
    ids = torch.arange(rows) + rank * rows

    def step(way: str) -> None:
        query.grad = key.grad = None
        info_nce_across(query, key, 20.0, query_ids=ids, key_ids=ids, way=way, memory_limit=LIMIT).backward()

    found = {}
    for way in ("gather", "ring"):
        step(way)
        times = []
        for _ in range(STEPS):
            dist.barrier()
            begun = time.perf_counter()
            step(way)
            times.append(time.perf_counter() - begun)
        query.grad = key.grad = None
        with Live() as live:
            step(way)
        found[way] = (live.peak, statistics.median(times))
    if rank == 0:
        torch.save(found, Path(folder) / "found.pt")
    # At once: gloo's own threads let go of the last tensors, now and then while Python ends, and that is an abort.
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1024)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--processes", default="1,2,3,4,8")
    parser.add_argument("--results", type=Path, default=Path("bench/results"))
    given = parser.parse_args()
    where = machine()
    print(f"{given.rows:,} rows a rank, D={given.width}, float32, {os.cpu_count()} processors, {where['torch']}\n")
    print("processes  way      MB beyond inputs   by formula   ms a step")
    lines = []
    for ranks in map(int, given.processes.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            torch.multiprocessing.spawn(work, (ranks, given.rows, given.width, folder), nprocs=ranks)
            found = torch.load(Path(folder) / "found.pt")
        for way, (peak, seconds) in found.items():
            formula = expected(way, given.rows, given.width, ranks) if ranks > 1 else float("nan")
            print(f"{ranks:9}  {way:7}  {peak / 1e6:16.1f}   {formula / 1e6:10.1f}   {seconds * 1e3:9.0f}")
            lines.append([ranks, way, given.rows, given.width, peak, round(formula) if ranks > 1 else "", seconds])
    header = ["processes", "way", "rows", "width", "bytes", "bytes_by_formula", "seconds", *where]
    given.results.mkdir(parents=True, exist_ok=True)
    with (given.results / "across.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([*line, *where.values()] for line in lines)


if __name__ == "__main__":
    main()
