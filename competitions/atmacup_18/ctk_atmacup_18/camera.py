"""The camera: from metres in the car's frame to pixels of the newest picture."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ctk.errors import DataError
from ctk.files import read_text, write_json
from ctk.samples import Array
from ctk_atmacup_18.columns import HEIGHT, WIDTH

NAMES = ("fx", "fy", "cx", "cy", "height")
"""Focal lengths and centre in pixels of a picture of 128 x 64, and metres above the ground."""
COMPETITION = (226.16438356, 224.82352941, 63.62426614, 11.76, 1.22)
"""Of the competition's cars."""
FILE = "camera.json"


def read_camera(folder: Path, size: tuple[int, int]) -> Array:
    """(5,) float64 of NAMES in pixels of pictures of this height and width, from camera.json or else the competition's.

    Raises DataError for a camera.json that is wrong.
    """
    values, path = dict(zip(NAMES, COMPETITION, strict=True)), folder / FILE
    if path.is_file():
        help = f"It says {', '.join(NAMES)}: numbers, in pixels of 128 x 64 and in metres."
        try:
            values = json.loads(read_text(path))
        except ValueError as error:
            raise DataError(f"{path}: cannot be read as JSON ({error}).", help) from None
        for name in NAMES:
            if not isinstance(values, dict) or type(values.get(name)) not in (int, float):
                raise DataError(f"{path}: says no number '{name}'.", help)
    return np.array([values[name] for name in NAMES], np.float64) * _scale(size)


def write_camera(folder: Path, camera: Array, size: tuple[int, ...]) -> None:
    """Write camera.json for a camera (5,) in pixels of pictures of this height and width."""
    write_json(folder / FILE, dict(zip(NAMES, (camera / _scale(size)).tolist(), strict=True)))


def _scale(size: tuple[int, ...]) -> Array:
    height, width = size
    return np.array([width / WIDTH, height / HEIGHT, width / WIDTH, height / HEIGHT, 1])


def project(points: Array, camera: Array) -> tuple[Array, Array]:
    """Pixels (..., 2), right and down, of points (..., 3) in the car's frame; and (...) bool, which lie before it.

    The origin's height above the ground is taken to be none, as the competition's tutorial does.
    """
    fx, fy, cx, cy, height = camera
    forward, left, up = np.moveaxis(np.asarray(points, np.float64), -1, 0)
    before = forward > 0
    depth = np.where(before, forward, np.nan)
    return np.stack([cx - fx * left / depth, cy + fy * (height - up) / depth], axis=-1), before
