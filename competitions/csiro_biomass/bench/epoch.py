"""An epoch of pasture-net with transforms through the toolkit, beside the plainest PyTorch loop with the same ones.

    python competitions/csiro_biomass/bench/epoch.py [--rows 256] [--policy standard] [--seconds 200] [--results FOLDER]

Ours is a whole fit of one epoch from samples on disk: it sets Lightning up, reads memory-mapped pictures, transforms
each row, validates (on 4 rows) and writes its result. The plain loop has the pictures in memory before it starts and
does nothing but transforms, loss, gradients and steps. Both take turns in one process, in the same precision.

The error is the largest difference of what both predict then, in grams. On the same machine and threads it is 0.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from ctk.bench.epoch_case import VALID, epoch_case
from ctk.bench.measure import measure
from ctk.bench.tables import machine, save
from ctk.cli.bench import print_rows
from ctk.plugins import plugins
from ctk_csiro_biomass.columns import IMAGE, TARGETS
from ctk_csiro_biomass.networks.pasture_net import PastureNet

SIZE, HEIGHT, WIDTH = 16, 112, 224
OPTIONS = {"backbone": "resnet18", "view": "halves", "head": "parts"}


def main() -> None:
    """Print the table and keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--policy", default="standard", help="of the transform 'pictures'")
    parser.add_argument("--seconds", type=int, default=200)
    parser.add_argument("--results", type=Path, help="folder of the CSV tables; left out, nothing is kept")
    given = parser.parse_args()
    random, count = np.random.default_rng(0), given.rows + VALID
    pictures = random.integers(0, 256, (count, HEIGHT, WIDTH, 3), np.uint8)
    target = random.uniform(1, 60, (count, len(TARGETS))).astype(np.float32)
    with tempfile.TemporaryDirectory(prefix="ctk-bench-") as folder:
        case = epoch_case(
            f"resnet18, halves of {HEIGHT}x{WIDTH}, {given.policy}",
            PastureNet,
            plugins().load("transforms", "pictures"),
            {IMAGE: pictures},
            target,
            Path(folder),
            size=SIZE,
            seconds=given.seconds,
            options=OPTIONS,
            transform_options={"policy": given.policy},
        )
        measured = measure("training", case)
    print_rows(measured)
    if given.results:
        save(measured, machine(), given.results)


if __name__ == "__main__":
    main()
