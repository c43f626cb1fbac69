"""Where karts are in a picture: their corners projected, and those hidden behind something else left out by depth.

The game's world has y up; its quaternions are (w, x, y, z) and turn the world into the kart. Needs numpy alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = Any
SHOWN = 0.15  # share of a box's pixels that are the kart's own, below which it counts as hidden
NEAR = 0.1  # metres in front of the camera that all of a kart has to be: else it is beside or around the camera
GROUND = (
    -0.27
)  # metres from a kart's place, which is its body's, down to what it stands on: measured by the depth of five
SLACK = 0.3  # metres that drivers and wheels stand out of the size that the game gives


@dataclass(frozen=True)
class Kart:
    """One kart as the game tells of it: place (3,) metres, rotation (4,), size (3,) metres: width, height, length."""

    place: Array
    rotation: Array
    size: Array

    def corners(self) -> Array:
        """Return the eight corners of its box, (8, 3) metres in the world; it stands on the ground below its place."""
        half = np.array([self.size[0] / 2, self.size[1] / 2, self.size[2] / 2])
        signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
        local = signs * half + [0, half[1] + GROUND, 0]
        return np.asarray(self.place) + local @ to_kart(self.rotation)


def to_kart(rotation: Sequence[float]) -> Array:
    """Turn a quaternion (w, x, y, z) into the matrix (3, 3) that takes the world's axes into the kart's."""
    w, x, y, z = np.asarray(rotation, np.float64) / np.linalg.norm(rotation)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def box(kart: Kart, projection: Array, view: Array, depth: Array) -> list[int] | None:
    """Find a kart's box [x1, y1, x2, y2] in pixels of ``depth`` (H, W), clipped to it; None where nothing of it shows.

    projection, view  (4, 4) each: clip = projection @ view @ (x, y, z, 1)
    """
    height, width = depth.shape
    clip = np.c_[kart.corners(), np.ones(8)] @ (projection @ view).T
    away = clip[:, 3]  # metres along the line of sight
    if away.min() < NEAR:
        return None
    x, y = (clip[:, 0] / away + 1) / 2 * width, (1 - clip[:, 1] / away) / 2 * height
    x1, x2 = (int(np.clip(round(float(each)), 0, width - 1)) for each in (x.min(), x.max()))
    y1, y2 = (int(np.clip(round(float(each)), 0, height - 1)) for each in (y.min(), y.max()))
    if x1 >= x2 or y1 >= y2:
        return None
    inside = distance(depth[y1 : y2 + 1, x1 : x2 + 1], projection)
    own = (inside > away.min() - SLACK) & (inside < away.max() + SLACK)
    return [x1, y1, x2, y2] if own.mean() >= SHOWN else None


def distance(depth: Array, projection: Array) -> Array:
    """Turn depths in [0, 1] into metres along the line of sight, of the same shape."""
    # The projection's third row (a, b) gives (a z + b) / z in [-1, 1], of which the depth is the place in [0, 1].
    a, b = projection[2, 2:]
    return b / (2 * np.asarray(depth, np.float64) - 1 - a - 1e-9)
