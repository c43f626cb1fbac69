"""Record one race: where the kart was at every tenth of a second, and three pictures for each of some rows.

    python -m ctk_atmacup_18.game.record OUT.npz --track lighthouse --seed 1 [--reverse] [--scenes 12]

A scene is a window of the race with up to six rows ten seconds apart, as the competition has them; how many rows it has
is drawn as often as it occurs there. Only these rows are rendered: a picture takes as long as four seconds of the race.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np

DECISECONDS = (20, 120, 220, 320, 420, 520)  # of a scene's rows
ROWS_OF_SCENES = (533, 650, 851, 951, 1227, 4841)  # scenes of 1 to 6 rows in the competition's training set
FRAMES = (-10, -5, 0)  # deciseconds before the row
AHEAD = 30  # deciseconds after it that its path takes
START = 60  # deciseconds: the first scene's begin; everybody is on the way by then
# Scenes come in pairs, one half a row's distance after the other: physics is half of the work, and the pictures of one
# begin when the path of the other has ended.
PAIR, SECOND = 610, 50
SIZE = (64, 128)  # of the pictures kept
RENDERED = (128, 256)  # twice that, so that an area average smooths the edges


def main() -> None:
    """Run a race and write its record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--track", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--scenes", type=int, default=12)
    parser.add_argument("--reverse", action="store_true")
    options = parser.parse_args()
    from supertuxkart import engine  # late: it is no library, and what is beside it here is tested without

    recorded = record(options.track, options.seed, scenes=options.scenes, reverse=options.reverse)
    unfinished = options.out.with_suffix(".part.npz")
    np.savez_compressed(unfinished, **recorded)
    unfinished.replace(options.out)
    engine.leave()


def record(track: str, seed: int, *, scenes: int, reverse: bool) -> dict[str, Any]:
    """Return what ``scenes.Race`` reads: a trajectory by decisecond (NaN far from any row), rows, their pictures."""
    from supertuxkart import engine

    chance = np.random.default_rng(seed)
    karts, difficulty = int(chance.integers(3, 6)), int(chance.integers(4))
    game = engine.start(
        track, seed, karts=karts, difficulty=difficulty, reverse=reverse, size=RENDERED, from_the_seat=True
    )
    rows = plan(chance, scenes)
    wanted = {int(moment) + back for _, moment, _ in rows for back in FRAMES}
    near = {int(moment) + step for _, moment, _ in rows for step in range(min(FRAMES) - 2, AHEAD + 1)}
    pictures: dict[int, Any] = {}
    trajectory = np.full((START + -(-scenes // 2) * PAIR, 17), np.nan, np.float32)
    for now in range(len(trajectory)):
        game.race.step()
        if now not in near:
            continue
        game.world.update()
        kart = game.world.karts[0]
        if kart.has_finished_race:
            break
        act = game.race.get_kart_action(0)
        controls = (act.steer, kart.max_steer_angle, act.acceleration, float(act.brake))
        trajectory[now] = (*kart.location, *kart.rotation, *kart.velocity, *kart.velocity_lc, *controls)
        if now in wanted:
            image = np.asarray(game.race.render_data[0].image)
            pictures[now] = image.reshape(SIZE[0], 2, SIZE[1], 2, 3).mean((1, 3)).round().astype(np.uint8)
            camera = game.cameras()[0][0]
    rows = [row for row in rows if np.isfinite(trajectory[row[1] + AHEAD, 0])]  # before the race ended
    return {
        "track": track,
        "seed": seed,
        "kart": game.world.karts[0].kart_type,
        "reverse": reverse,
        "trajectory": trajectory,
        "rows": np.array(rows, np.int32),
        "pictures": np.array([[pictures[moment + back] for back in FRAMES] for _, moment, _ in rows]),
        "projection": camera,  # of the last picture: it is the same for all
    }


def plan(chance: np.random.Generator, scenes: int) -> list[tuple[int, int, int]]:
    """Draw each scene's rows: (scene, decisecond of the race, decisecond of the scene)."""
    shares = np.array(ROWS_OF_SCENES) / sum(ROWS_OF_SCENES)
    rows = []
    for scene in range(scenes):
        begin = START + scene // 2 * PAIR + scene % 2 * SECOND
        count = 1 + chance.choice(len(shares), p=shares)
        for moment in sorted(chance.choice(DECISECONDS, count, replace=False)):
            rows.append((scene, begin + int(moment), int(moment)))
    return rows


if __name__ == "__main__":
    os.environ.setdefault("LP_NUM_THREADS", "1")
    main()
