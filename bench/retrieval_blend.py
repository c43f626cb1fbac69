"""A round of hill_climb_retrieval beside its floor, M products, and beside numpy that ranks by every candidate in turn.

    python bench/retrieval_blend.py [--queries 2000] [--gallery 2000] [--width 384] [--members 4]

All in one process, on float32 and torch's threads; rounds are timed by the climb's own progress.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from itertools import pairwise
from statistics import median, quantiles

import numpy as np
import torch

from ctk.blend import BlendResult, hill_climb_retrieval


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("queries", 2000), ("gallery", 2000), ("width", 384), ("members", 4)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    queries, galleries, target = models(given.queries, given.gallery, given.width, given.members)

    tile_bytes = 4 * (given.members + 1) * 256 * min(4096, given.gallery)
    few = tile_bytes + given.members * 256 * 101 * 24  # a tile and its counts: nothing is kept
    all_scores = 4 * given.members * given.queries * given.gallery
    floors = [seconds(lambda: products(queries, galleries)) for _ in range(7)]
    recomputed, blend = rounds(queries, galleries, target, few)
    kept, _ = rounds(queries, galleries, target, all_scores + few)
    dense = seconds(lambda: dense_round(queries, galleries, target, blend))

    print(f"{given.members} members, {given.queries} x {given.gallery}, width {given.width}, 101 shares a member")
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}")
    print(f"climbed in {len(blend.trace)} steps from MRR {blend.trace[0].score:.4f} to {blend.score:.4f}\n")
    print("a round                        ms, median   spread         x floor")
    floor = median(floors)
    for name, times in (
        (f"floor: {given.members} products", floors),
        (f"tiles made again, {few >> 20} MiB", recomputed),
        (f"tiles kept, {all_scores + few >> 20} MiB", kept),
        ("numpy, each candidate in turn", [dense]),
    ):
        low, _, high = quantiles(times, n=4) if len(times) > 1 else (times[0], 0, times[0])
        spread = f"{low * 1e3:.1f}..{high * 1e3:.1f}"
        print(f"{name:30} {median(times) * 1e3:10.1f}   {spread:14} {median(times) / floor:8.2f}")


def models(
    queries: int, gallery: int, width: int, members: int
) -> tuple[list[torch.Tensor], list[torch.Tensor], torch.Tensor]:
    """Members that see the same things, each with noise of its own: their blend ranks far better than any of them."""
    generator = torch.Generator().manual_seed(0)

    def seen(things: torch.Tensor) -> torch.Tensor:
        noise = torch.randn(things.shape, generator=generator) / width**0.5
        return torch.nn.functional.normalize(things + 3.5 * noise, dim=1)

    things = torch.nn.functional.normalize(torch.randn(gallery, width, generator=generator), dim=1)
    target = torch.randint(0, gallery, (queries,), generator=generator)
    return [seen(things[target]) for _ in range(members)], [seen(things) for _ in range(members)], target


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def products(queries: list[torch.Tensor], galleries: list[torch.Tensor]) -> None:
    for query, gallery in zip(queries, galleries, strict=True):
        for part in torch.split(query, 256):
            for columns in torch.split(gallery, 4096):
                torch.mm(part, columns.T)


def rounds(
    queries: list[torch.Tensor], galleries: list[torch.Tensor], target: torch.Tensor, limit: int
) -> tuple[list[float], BlendResult]:
    """Seconds of each round after the first, over three climbs."""
    marks: list[float] = []
    times: list[float] = []
    for _ in range(3):
        marks.clear()
        blend = hill_climb_retrieval(
            queries, galleries, target, memory_limit=limit, progress=lambda _: marks.append(time.perf_counter())
        )
        times += [after - before for before, after in pairwise(marks)]
    return times, blend


def dense_round(
    queries: list[torch.Tensor], galleries: list[torch.Tensor], target: torch.Tensor, blend: BlendResult
) -> float:
    """The best score of one round's candidates from score matrices that are all in memory, made before or not."""
    scores = [(query @ gallery.T).numpy() for query, gallery in zip(queries, galleries, strict=True)]
    now = sum(weight * score for weight, score in zip(blend.weights.astype(np.float32), scores, strict=True))
    rows, right, best = np.arange(len(target)), target.numpy(), 0.0
    for member in scores:
        for share in np.arange(-50, 51, dtype=np.float32) / np.float32(100):
            tried = (1 - share) * now + share * member
            ranks = 1 + (tried > tried[rows, right][:, None]).sum(1)
            best = max(best, float((1 / ranks).mean()))
    return best


if __name__ == "__main__":
    main()
