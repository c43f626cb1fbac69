"""From a recorded race to the competition's rows: its columns, its targets, and which rows to leave out.

The game's world has y up and is left-handed; its quaternions come as (w, x, y, z) and turn the world into the kart. The
competition's car frame has x forward, y to the left and z up. All arrays are float64 until they are written.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ctk_atmacup_18.game.record import AHEAD, FRAMES

Array = Any
HORIZONS = (5, 10, 15, 20, 25, 30)  # deciseconds
TARGETS = tuple(f"{axis}_{point}" for point in range(len(HORIZONS)) for axis in "xyz")
STEERING_RATIO = 15.0  # of a car: turns of its wheel to turns of its wheels
TORQUE = 1.0  # N m at the wheel for each m/s2 to the side
SIGNAL = 0.5  # of the full lock: who steers more than this signals
STILL = 0.1  # m/s
JUMP = 8.0  # m/s that a move may differ from the velocity before it is taken for a rescue


@dataclass(frozen=True)
class Race:
    """One record, its trajectory by decisecond: row ``i`` of each array is ``i`` tenths of a second into the race."""

    track: str
    name: str  # of the race: what its scenes' ids are made of
    place: Array  # (T, 3) metres, the game's world
    rotation: Array  # (T, 3, 3): world to kart, the game's axes
    velocity: Array  # (T, 3) m/s, the game's world
    forward: Array  # (T,) m/s along the kart
    steer: Array  # (T,) share of the full lock, left positive
    lock: Array  # (T,) radians: the full lock at that speed
    gas: Array  # (T,) 0..1
    brake: Array  # (T,) 0 or 1
    rows: Array  # (R, 3): scene, decisecond of the race, decisecond of the scene
    pictures: Array  # (R, 3, H, W, 3) uint8, oldest to newest
    projection: Array  # (4, 4) of the camera

    @classmethod
    def read(cls, path: Path) -> Race:
        """Read what ``record`` wrote."""
        with np.load(path) as file:
            trajectory = file["trajectory"].astype(np.float64)
            return cls(
                track=str(file["track"]),
                name="-".join(str(file[key]) for key in ("track", "seed", "kart", "reverse")),
                place=trajectory[:, :3],
                rotation=rotations(trajectory[:, 3:7]),
                velocity=trajectory[:, 7:10],
                forward=trajectory[:, 12],
                steer=-trajectory[:, 13],  # the game's steers to the right
                lock=trajectory[:, 14],
                gas=trajectory[:, 15],
                brake=trajectory[:, 16],
                rows=file["rows"],
                pictures=file["pictures"],
                projection=file["projection"].astype(np.float64),
            )

    def path(self, now: int) -> Array:
        """Return the next three seconds, (6, 3) metres in the car's frame at ``now``."""
        moved = self.place[[now + ahead for ahead in HORIZONS]] - self.place[now]
        return to_car(moved @ self.rotation[now].T)

    def columns(self, now: int) -> dict[str, float | bool | str]:
        """Return the table's columns at ``now``, nothing of what comes later."""
        speed, steer = self.forward[now], self.steer[now]
        turned = self.rotation[now - 1] @ self.rotation[now].T[:, 2]  # where it looks, seen from a tenth before
        rate = 10 * np.arctan2(-turned[0], turned[2])  # radians a second, to the left
        return {
            "vEgo": float(speed),
            "aEgo": float(5 * (speed - self.forward[now - 2])),
            "steeringAngleDeg": float(np.degrees(steer * self.lock[now]) * STEERING_RATIO),
            "steeringTorque": float(TORQUE * speed * rate),
            "brake": float(self.brake[now]),
            "brakePressed": bool(self.brake[now] > 0),
            "gas": float(self.gas[now]),
            "gasPressed": bool(self.gas[now] > 0),
            "gearShifter": "neutral" if abs(speed) < STILL else "drive" if speed > 0 else "reverse",
            "leftBlinker": bool(steer > SIGNAL),
            "rightBlinker": bool(steer < -SIGNAL),
        }

    def driven(self, now: int) -> bool:
        """Say whether the kart drove all the way from the oldest picture to the end of the path.

        What the game does to a kart that is stuck or fell off the track, lifting and setting it down, is no driving.
        """
        steps = slice(now + min(FRAMES), now + AHEAD)
        moved = 10 * np.diff(self.place[steps], axis=0)
        strange = np.linalg.norm(moved - self.velocity[steps][1:], axis=1)
        return bool(strange.max() < JUMP)

    def scene(self, number: int) -> str:
        """Return a scene's id: 32 hexadecimal digits of the race's name and its number."""
        return hashlib.sha256(f"{self.name}-{number}".encode()).hexdigest()[:32]


def rotations(quaternions: Array) -> Array:
    """Turn the game's quaternions (N, 4) into matrices (N, 3, 3) that take the world's axes to the kart's."""
    w, x, y, z = (quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)).T
    return np.stack(
        [
            np.stack([1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)], -1),
            np.stack([2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)], -1),
            np.stack([2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)], -1),
        ],
        1,
    )


def to_car(vectors: Array) -> Array:
    """Take the kart's axes (right, up, forward), (..., 3), to the competition's (forward, left, up)."""
    return np.stack([vectors[..., 2], -vectors[..., 0], vectors[..., 1]], -1)


def intrinsics(projection: Array, width: int, height: int) -> dict[str, float]:
    """Return fx, fy, cx, cy in pixels of a picture of this size from the game's projection."""
    return {
        "fx": float(projection[0, 0] * width / 2),
        "fy": float(projection[1, 1] * height / 2),
        "cx": width / 2,
        "cy": height / 2,
    }
