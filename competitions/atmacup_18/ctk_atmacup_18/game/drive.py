"""Record all the races of the embedded data, each in a process of its own; what is there is left as it is.

python -m ctk_atmacup_18.game.drive RACES [--processes 2]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# Tracks that the game's list of licences names: CC-BY-SA, CC-BY or free of rights, but for one lantern.
# With their numbers in the seeds; 4 was mines, where the engine crashes.
SEEN = {
    "cornfield_crossing": 0,
    "cocoa_temple": 1,
    "lighthouse": 2,
    "gran_paradiso_island": 3,
    "zengarden": 5,
    "abyss": 6,
    "fortmagma": 7,
    "candela_city": 8,
    "black_forest": 9,
}
UNSEEN = {"ravenbridge_mansion": 0, "xr591": 1}  # in the test alone
ROUNDS = 6  # of training over the tracks
SECONDS = 1800  # that a race may take; some hang


def races() -> list[tuple[str, str, int, int, bool]]:
    """List the races: (train or test, track, seed, scenes, whether the other way round).

    Whoever ends early has a bit of every track: each round of training goes over all of them.
    """
    same = [("test", track, 500 + number, 5, number % 2 == 0) for track, number in SEEN.items()]
    new = [
        ("test", track, 600 + 100 * way + number, 10, way) for way in (False, True) for track, number in UNSEEN.items()
    ]
    rounds = [
        [("train", track, 100 * turn + number, 10, (number + turn) % 2 == 0) for track, number in SEEN.items()]
        for turn in range(1, ROUNDS + 1)
    ]
    rounds[0][:2] = [(*race[:3], 20, race[4]) for race in rounds[0][:2]]
    return [*new, *same, *(race for turn in rounds for race in turn)]


def main() -> None:
    """Run what is missing; name what failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(options.processes) as pool:
        failed = [line for line in pool.map(lambda race: drive(options.folder, *race), races()) if line]
    sys.exit("\n".join(failed) or None)


def drive(folder: Path, part: str, track: str, seed: int, scenes: int, reverse: bool) -> str:
    """Record one race unless it is there; returns what went wrong."""
    out = folder / f"{part}-{track}-{seed}.npz"
    if out.exists():
        return ""
    command = [sys.executable, "-m", "ctk_atmacup_18.game.record", str(out), "--track", track]
    command += ["--seed", str(seed), "--scenes", str(scenes), *(["--reverse"] if reverse else [])]
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, text=True, errors="replace")
    except subprocess.TimeoutExpired:
        return f"{out.name}: no end after {SECONDS} seconds"
    return "" if out.exists() else f"{out.name}: {done.stderr[-300:]}"


if __name__ == "__main__":
    main()
