"""Record frames of one race in the homework's form: ten views each, and an info file with every kart's box.

    python -m ctk_supertux.game.record FOLDER --track lighthouse --seed 1 --first 0 --frames 20 [--reverse]

Needs numpy, Pillow and the game (README.md). Frame ``first + i`` is ``i`` times some seconds into the race.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ctk_supertux.game.boxes import Kart, box

KARTS = 10
SIZE = (400, 600)  # drawn, and the frame that boxes are in
KEPT = (100, 150)  # of the pictures
QUALITY = 85
START, EVERY = 110, (60, 140)  # tenths of a second: to the first frame, and between two, while they draw apart
# The game wants a player, whose kart never leaves the start: an eleventh, of those that AI drivers do not take, out of
# sight while a frame is drawn. Three tenths of a second later the game sets it back.
PARKED, OUT_OF_SIGHT = "suzanne", (0.0, -500.0, 0.0)
KART = 1  # class of the homework's detections


def main() -> None:
    """Run a race and write its frames; each info file comes after its pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--track", required=True)
    for name in ("seed", "first", "frames"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--reverse", action="store_true")
    options = parser.parse_args()
    from supertuxkart import engine  # late: it is no library

    options.folder.mkdir(parents=True, exist_ok=True)
    record(engine, options)
    engine.leave()


def record(engine: Any, options: argparse.Namespace) -> None:
    """Drive, and write a frame now and then; those that are there are driven past."""
    chance = np.random.default_rng(options.seed)
    difficulty = int(chance.integers(4))
    game = engine.start(
        options.track,
        options.seed,
        karts=KARTS + 1,
        kart=PARKED,
        difficulty=difficulty,
        reverse=options.reverse,
        size=SIZE,
        from_the_seat=False,
        items=True,
    )
    waits = chance.integers(*EVERY, options.frames)
    for number, wait in enumerate(waits):
        for _ in range(START if number == 0 else int(wait)):
            game.race.step()
        game.world.set_kart_location(KARTS, OUT_OF_SIGHT)
        game.race.step()
        game.world.update()
        name = f"{options.first + number:05x}"
        if not (options.folder / f"{name}_info.json").exists():
            write_frame(options.folder, name, options.track, game)


def write_frame(folder: Path, name: str, track: str, game: Any) -> None:
    """Write the ten views of this moment and its info file."""
    world = game.world.karts[:KARTS]
    karts = [Kart(np.array(each.location), np.array(each.rotation), np.array(each.size)) for each in world]
    detections = []
    for number in range(len(karts)):
        picture, depth, projection, view = game.look_from(number)
        boxes = [box(kart, projection, view, depth) for kart in karts]
        detections.append([[KART, of, *found] for of, found in enumerate(boxes) if found])
        small = Image.fromarray(picture).resize((KEPT[1], KEPT[0]), Image.Resampling.BOX)
        small.save(folder / f"{name}_{number:02d}_im.jpg", quality=QUALITY, optimize=True)
    info = {
        "track": track,
        "karts": [each.kart_type for each in world],
        "detections": detections,
        "distance_down_track": [round(float(each.distance_down_track), 3) for each in world],
        "velocity": [[round(float(value), 3) for value in each.velocity] for each in world],
    }
    unfinished = folder / f"{name}_info.json.part"
    unfinished.write_text(json.dumps(info))
    unfinished.replace(folder / f"{name}_info.json")


if __name__ == "__main__":
    os.environ.setdefault("LP_NUM_THREADS", "1")
    main()
