"""A hand-held camera over the quadrat: where a point in the sward is in the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ctk.samples import Array

VIEW = 75.0
"""cm of the ground from the left edge of the picture to the right, where nothing is tilted."""


@dataclass(frozen=True)
class Camera:
    """A pinhole that looks down.

    height    cm above the ground, `offset` cm beside the quadrat's middle
    rotation  (3, 3) from the ground's axes (right, down in the picture, up) to the camera's
    zoom      1 for a view of `VIEW` cm
    """

    height: float
    offset: tuple[float, float]
    rotation: Array
    zoom: float

    @classmethod
    def draw(cls, random: np.random.Generator) -> Camera:
        """Return a camera that is held as people hold one: some degrees of tilt, some centimetres off."""
        tilt, lean, turn = np.radians(random.normal(0, (2.0, 1.6, 1.2)))
        around_x = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
        around_y = np.array([[np.cos(lean), 0, np.sin(lean)], [0, 1, 0], [-np.sin(lean), 0, np.cos(lean)]])
        around_z = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
        height = float(random.normal(120, 6))
        aim = height * np.tan([lean, tilt])  # who tilts a camera still aims at the quadrat
        offset = aim * (-1, 1) * 0.85 + random.normal(0, 0.7, 2)
        x, y = (float(each) for each in offset)
        return cls(height, (x, y), around_x @ around_y @ around_z, float(random.normal(1, 0.03)))

    def project(self, points: Array, size: tuple[int, int]) -> Array:
        """Return (..., 2) pixels, x and y, of points (..., 3) in cm: right, down in the picture, up from the ground."""
        seen = (points - (*self.offset, self.height)) @ self.rotation.T
        depth = np.maximum(-seen[..., 2:], 25.0)  # what stands up to the lens is not drawn larger than at 25 cm
        scale = size[1] / VIEW * self.height * self.zoom
        return seen[..., :2] / depth * scale + (size[1] / 2, size[0] / 2)
