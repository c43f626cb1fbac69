"""The arithmetic of docs/scale.md: what a batch over many GPUs, many trials and many parts ask of network and memory.

    python bench/scale.py batch [--rows 1048576] [--width 1024] [--nodes 64] [--per-node 8]
    python bench/scale.py trials [--trials 1000]
    python bench/scale.py parts [--parts 512]

``batch`` computes, from the rates below; ``trials`` and ``parts`` measure on this machine.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

KEY = 2
"""Bytes of a number of a key: bfloat16."""
GRADIENT = 4
"""Bytes of a number of a key's gradient: float32."""
PRODUCTS = 650e12
"""Operations a second of an H100's bfloat16 products; its data sheet says 990e12 at most (csrc/info_nce/README.md)."""
NETWORK = 50e9
"""Bytes a second of a 400 Gb/s network card; a node has one for each GPU."""
NVLINK = 450e9
"""Bytes a second between GPUs of a node, one direction (an H100's NVLink)."""
MEMORY = 80 * 2**30


@dataclass(frozen=True)
class Step:
    """One InfoNCE of B rows, width D, over W ranks, both directions, both sides learning; keys bfloat16."""

    rows: int
    width: int
    ranks: int
    per_node: int

    @property
    def own(self) -> float:
        """Rows of a rank."""
        return self.rows / self.ranks

    @property
    def others(self) -> float:
        """Rows that come from elsewhere."""
        return self.rows - self.own

    def operations(self, recomputed: bool) -> float:
        """Of a rank's products: logits, once more in backward where they are not kept, and two of slopes."""
        return 2 * self.own * self.rows * self.width * (4 if recomputed else 3)

    def gather_bytes(self) -> float:
        """Sent by a rank: its keys' way to all others, and the gradients' way back."""
        return self.others * self.width * (KEY + GRADIENT)

    def ring_bytes(self) -> float:
        """Sent by a rank: keys forward, keys again with their gradients backward, which go all the way home."""
        return self.others * self.width * (KEY + KEY) + self.rows * self.width * GRADIENT

    def gather_seconds(self) -> float:
        """Every card of a node brings its part of what comes from other nodes; NVLink spreads it."""
        within = self.gather_bytes() / NVLINK
        if self.ranks <= self.per_node:
            return within
        return within + self.rows * (1 - self.per_node / self.ranks) * self.width * (KEY + GRADIENT) / (
            self.per_node * NETWORK
        )

    def ring_seconds(self) -> float:
        """All of it passes every link of the ring, also the one card of a node that leads to the next."""
        return self.ring_bytes() / (NVLINK if self.ranks <= self.per_node else NETWORK)

    def gather_memory(self) -> float:
        """Held by a rank beyond its own rows: all keys, all gradients of keys, the own gradients of both sides."""
        return self.rows * self.width * (KEY + GRADIENT) + self.own * self.width * 2 * GRADIENT

    def ring_memory(self) -> float:
        """Two thirds of a rank's keys, five of their gradients', and the queries' gradient with a part of it."""
        return self.own * self.width * (KEY * 2 / 3 + GRADIENT * 5 / 3 + GRADIENT * 2)

    def logits(self) -> float:
        """What the dense way would hold of them, float32."""
        return self.own * self.rows * 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    for name, verb, options in (
        ("batch", batch, {"rows": 2**20, "width": 1024, "nodes": 64, "per_node": 8}),
        ("trials", trials, {"trials": 1000}),
        ("parts", parts, {"parts": 512}),
    ):
        own = verbs.add_parser(name)
        for option, default in options.items():
            own.add_argument(f"--{option.replace('_', '-')}", type=int, default=default)
        own.set_defaults(verb=verb)
    given = vars(parser.parse_args())
    given.pop("verb")(**given)


def batch(rows: int, width: int, nodes: int, per_node: int) -> None:
    print(f"{rows:,} rows of width {width:,}: keys bfloat16, gradients float32, both sides learn\n")
    head = ("GPUs", "rows each", "logits", "gather", "ring", "gather sends", "ring sends", "products", "gather", "ring")
    print("".join(f"{each:>14}" for each in head))
    print("".join(f"{each:>14}" for each in ("", "", "GiB, dense", "GiB", "GiB", "GiB", "GiB", "ms", "ms", "ms")))
    ranks = 1
    while ranks <= nodes * per_node:
        step = Step(rows, width, ranks, per_node)
        work = step.operations(recomputed=True) / PRODUCTS
        times = [work, step.gather_seconds(), step.ring_seconds()]
        sizes = [step.logits(), step.gather_memory(), step.ring_memory(), step.gather_bytes(), step.ring_bytes()]
        if ranks == 1:
            sizes[1:], times[1:] = [0.0] * 4, [0.0] * 2
        cells = [f"{ranks:,}", f"{step.own:,.0f}", *(f"{each / 2**30:,.3f}" for each in sizes)]
        print("".join(f"{each:>14}" for each in [*cells, *(f"{each * 1e3:,.1f}" for each in times)]))
        ranks *= 2
    print(f"\nThe gather's memory is half of a GPU's at {MEMORY / 2 / (width * (KEY + GRADIENT)):,.0f} rows in all.")
    for where, rate in (("node", NVLINK), ("network", NETWORK)):
        # own rows at which the ring's products take as long as its keys and gradients take to pass
        own = (KEY + KEY + GRADIENT) / rate * PRODUCTS / (2 * 4)
        print(f"A ring over the {where} is hidden behind its products from {own:,.0f} rows a GPU on.")


def trials(trials: int) -> None:
    """What a search does beside its trials: a proposal and a result kept in SQLite, after so many trials."""
    from optuna.trial import TrialState

    from ctk.plugins import plugins
    from ctk.plugins.guard import competition_of
    from ctk_search import space, study

    distributions = space.find("reference", competition_of("aml-retrieval")).distributions
    marks = [number for number in (30, 100, 300, 1000, 3000) if number <= trials]
    print("ms a trial, median of ten, after" + "".join(f"{mark:>10,}" for mark in marks))
    for name in ("random", "tpe", "mcts"):
        factory = plugins().load("samplers", name)
        ask, tell = [], []
        with tempfile.TemporaryDirectory() as folder:
            book = study.create(study.own_url(Path(folder)), "scale", "max", "", Path(folder))
            for number in range(max(marks) + 10):
                begun = time.perf_counter()
                trial = book.ask(distributions, factory(distributions, study.seed_of(0, number)))
                asked = time.perf_counter()
                score = 0.1 + 0.01 * (number * 7919 % 13)
                book.report(number, {epoch: score * epoch / 50 for epoch in range(1, 51)})
                book.tell(trial.number, TrialState.COMPLETE, score)
                ask.append(asked - begun)
                tell.append(time.perf_counter() - asked)
        for what, times in (("propose", ask), ("keep, 50 epochs", tell)):
            cells = "".join(f"{median(times[mark : mark + 10]) * 1e3:10.1f}" for mark in marks)
            print(f"{name:8}{what:24}{cells}", flush=True)


def parts(parts: int) -> None:
    """What a driver does four times a second: read how far each part is."""
    from ctk.files import read_json, write_json

    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / str(number) / "progress.json" for number in range(parts)]
        for path in paths:
            write_json(path, {"done": 3, "total": 60, "scores": {"mrr": 0.1, "best": 0.1, "loss": 2.0}})
        took = timed(lambda: [read_json(path) for path in paths])
    print(f"{parts:,} parts' progress read in {took * 1e3:.1f} ms, local disk ({took / parts * 1e6:.0f} us each)")


def timed(call: Callable[[], object], repeats: int = 9) -> float:
    """Median seconds of a call."""
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)
    return median(times)


if __name__ == "__main__":
    main()
