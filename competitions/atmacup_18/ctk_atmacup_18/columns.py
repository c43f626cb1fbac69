"""The columns of the competition's tables, and what a row is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ctk.samples import Array

ID = "ID"
NUMBERS = ("vEgo", "aEgo", "steeringAngleDeg", "steeringTorque", "brake", "gas")
"""m/s, m/s2, degrees (left is positive), N m (left is positive), and two pedals from 0 to 1."""
SWITCHES = ("brakePressed", "gasPressed", "leftBlinker", "rightBlinker")
"""True or False."""
GEAR = "gearShifter"
FEATURES = (
    *("vEgo", "aEgo", "steeringAngleDeg", "steeringTorque", "brake", "brakePressed", "gas", "gasPressed"),
    *(GEAR, "leftBlinker", "rightBlinker"),
)
"""In the files' order."""
AXES = ("x", "y", "z")
"""Forward, left and up of the car at the time of the row, metres."""
HORIZONS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
"""Seconds after it."""
TARGETS = tuple(f"{axis}_{point}" for point in range(len(HORIZONS)) for axis in AXES)
AXIS = np.array([axis for _ in HORIZONS for axis in AXES])
"""(18,) str: of which axis a target is."""
FRAMES = ("image_t-1.0.png", "image_t-0.5.png", "image_t.png")
"""The pictures of a row, oldest first."""
LIGHTS = ("green", "yellow", "red", "straight", "left", "right", "empty", "other")
"""Classes of traffic lights; a light's number is its place here."""
WIDTH, HEIGHT = 128, 64
"""Pixels of the competition's own pictures."""


class Moment(NamedTuple):
    """What an id says: which scene, and how many tenths of a second into it."""

    scene: str
    decisecond: int


def rows_of_scene(scene: Array) -> Array:
    """How many rows the scene of each row has, (N,) int64 of (N,) scene numbers."""
    _, of, counts = np.unique(scene, return_inverse=True, return_counts=True)
    return counts[of].astype(np.int64)
