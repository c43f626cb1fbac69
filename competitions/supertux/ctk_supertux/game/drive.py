"""Record races until there are frames enough, each race in a process of its own; what is there is left as it is.

    python -m ctk_supertux.game.drive FOLDER [--rounds 3]

Writes FOLDER/train and FOLDER/valid in the homework's layout. A round is a race a track; those of ``valid`` come first
and are other races on the same tracks.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

# Tracks that the game's list of licences names: CC-BY-SA, CC-BY or free of rights, but for one lantern.
TRACKS = (
    *("cornfield_crossing", "cocoa_temple", "lighthouse", "gran_paradiso_island", "zengarden", "abyss", "fortmagma"),
    *("candela_city", "black_forest", "ravenbridge_mansion", "xr591"),
)
FRAMES = {"train": 8, "valid": 3}  # of a race
SECONDS = 900  # that a race may take; some hang


def races(rounds: int) -> list[tuple[str, str, int]]:
    """List the races: (train or valid, track, number), which is also the seed."""
    parts = ["valid", *["train"] * rounds]
    return [
        (part, track, turn * len(TRACKS) + of) for turn, part in enumerate(parts) for of, track in enumerate(TRACKS)
    ]


def main() -> None:
    """Run what is missing; name what failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    failed = [line for race in races(options.rounds) if (line := drive(options.folder, *race))]
    sys.exit("\n".join(failed) or None)


def drive(folder: Path, part: str, track: str, number: int) -> str:
    """Record one race unless all its frames are there; returns what went wrong."""
    frames, first = FRAMES[part], number * FRAMES["train"]
    infos = [folder / part / f"{first + frame:05x}_info.json" for frame in range(frames)]
    if all(path.exists() for path in infos):
        return ""
    command = [sys.executable, "-m", "ctk_supertux.game.record", str(folder / part), "--track", track]
    command += ["--seed", str(number), "--first", str(first), "--frames", str(frames)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, text=True, errors="replace")
    except subprocess.TimeoutExpired:
        return f"{part} {track} {number}: no end after {SECONDS} seconds"
    return "" if all(path.exists() for path in infos) else f"{part} {track} {number}: {done.stderr[-300:]}"


if __name__ == "__main__":
    main()
