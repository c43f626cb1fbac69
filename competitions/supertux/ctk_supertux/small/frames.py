"""Frames to train the small model on: pictures in memory, and labels made anew for every way of showing them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import Tensor

from ctk.data import open_picture
from ctk.samples import Array
from ctk_supertux.columns import HEIGHT, WIDTH
from ctk_supertux.labels import Info, Views, frame_of, label_frames, list_infos, read_info
from ctk_supertux.labels.info import KART, Box

LABELLED = np.array([600, 400])
"""Width and height of the picture that an info file's boxes are in."""
ZOOM, SHIFT = 1.15, 24
"""A view is shown up to so much larger, and moved by so many of 600 x 400 pixels: little, for the ego is central."""


@dataclass(frozen=True)
class Frames:
    """Frames of a folder: info files, and the pictures (V, 100, 150, 3) uint8 of their views, frame by frame."""

    infos: list[tuple[Path, Info]]
    pictures: Array

    @classmethod
    def read(cls, folder: Path, limit: int | None = None) -> Frames:
        """Read a folder of the homework, or its first frames. Raises DataError."""
        infos = [(path, read_info(path)) for path in list_infos(folder)[:limit]]
        paths = [
            folder / f"{frame_of(path)}_{view:02d}_im.jpg"
            for path, info in infos
            for view in range(len(info.detections))
        ]
        with ThreadPoolExecutor(4) as pool:
            return cls(infos, np.stack(list(pool.map(lambda path: np.asarray(open_picture(path)), paths))))

    def label(self, windows: Array | None = None) -> Views:
        """Label every view as it is shown through ``windows`` (V, 5), those of ``draw_windows``; as it is for None.

        The rules are those of the homework's own labels, on boxes moved as the picture is.
        """
        if windows is None:
            return label_frames(self.infos)
        left, shown = iter(windows), []
        for path, info in self.infos:
            detections = [_moved(boxes, next(left)) for boxes in info.detections]
            shown.append((path, msgspec.structs.replace(info, detections=detections)))
        return label_frames(shown)

    def show(self, rows: Array, windows: Array | None, size: int, generator: np.random.Generator | None) -> Tensor:
        """Pixels (B, 3, size, size) from -1 to 1 of some views through their windows; a generator draws colours too."""
        pictures = torch.from_numpy(self.pictures[rows]).permute(0, 3, 1, 2).float() / 127.5 - 1
        chosen = np.tile([0.0, 0.0, *LABELLED, 0.0], (len(rows), 1)) if windows is None else windows[rows]
        # A square of the output, from -1 to 1, is where in the picture, from -1 to 1?
        scale, middle = chosen[:, 2:4] / LABELLED, (chosen[:, :2] + chosen[:, 2:4] / 2) / LABELLED * 2 - 1
        theta = np.zeros((len(rows), 2, 3), np.float32)
        theta[:, [0, 1], [0, 1]], theta[:, :, 2] = scale, middle
        theta[:, 0, 0] *= 1 - 2 * chosen[:, 4]
        grid = torch.nn.functional.affine_grid(torch.from_numpy(theta), [len(rows), 3, size, size], align_corners=False)
        shown = torch.nn.functional.grid_sample(
            pictures, grid, mode="bicubic", padding_mode="border", align_corners=False
        )
        if generator is not None:
            gain = _uniform(generator, 0.75, 1.25, (len(rows), 3, 1, 1))
            shown = shown * gain + _uniform(generator, -0.15, 0.15, (len(rows), 1, 1, 1))
        return shown.clamp(-1, 1)


def draw_windows(views: int, generator: np.random.Generator) -> Array:
    """Draw what of each view is shown, (V, 5): x, y, width, height in 600 x 400 pixels, and 1 where it is mirrored."""
    size = LABELLED / generator.uniform(1, ZOOM, (views, 1))
    corner = np.clip((LABELLED - size) / 2 + generator.uniform(-SHIFT, SHIFT, (views, 2)), 0, LABELLED - size)
    return np.concatenate([corner, size, generator.integers(0, 2, (views, 1))], axis=1)


def _uniform(generator: np.random.Generator, low: float, high: float, shape: tuple[int, ...]) -> Tensor:
    return torch.from_numpy(generator.uniform(low, high, shape).astype(np.float32))


def _moved(boxes: list[Box], window: Array) -> list[Box]:
    """Move karts' boxes as a window moves their picture, cut to it; other boxes are left out."""
    x, y, width, height, mirrored = window
    found = []
    for kind, track, *corners in boxes:
        if kind != KART:
            continue
        x1, x2 = ((np.array(corners[::2]) - x) / width * LABELLED[0]).clip(0, LABELLED[0] - 1)
        y1, y2 = ((np.array(corners[1::2]) - y) / height * LABELLED[1]).clip(0, LABELLED[1] - 1)
        if mirrored:
            x1, x2 = LABELLED[0] - 1 - x2, LABELLED[0] - 1 - x1
        found.append((kind, track, int(x1), int(y1), int(x2), int(y2)))
    return found


def box_places(views: Views, grid: int) -> tuple[Array, Array]:
    """The cell (K,) int64 of grid x grid that each kart's centre is in, and its box (K, 4) as shares of the picture."""
    shares = views.boxes / np.array([WIDTH, HEIGHT, WIDTH, HEIGHT])
    centre = np.clip((shares[:, :2] + shares[:, 2:]) / 2 * grid, 0, grid - 1).astype(np.int64)
    return centre[:, 1] * grid + centre[:, 0], shares.astype(np.float32)
