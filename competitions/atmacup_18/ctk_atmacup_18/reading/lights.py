"""The lists of traffic lights, a JSON file a row."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ctk.contract import Progress
from ctk.data import FileListings
from ctk.errors import DataError, nearest
from ctk.samples import Array
from ctk_atmacup_18.columns import LIGHTS
from ctk_atmacup_18.reading.tables import Table

Light = tuple[float, ...]
"""Class and box of a light."""
OUTSIDE = 1.0
"""Pixels by which a box may stick out of its picture: detectors round."""
TOLD = 1000
"""Rows between words of progress."""


def read_all(
    folder: Path, parts: Mapping[str, Table], listings: FileListings, size: tuple[int, int], progress: Progress
) -> dict[str, Array]:
    """Read the lights of each row of each part, (N, L, 5) float32: class, x1, y1, x2, y2 of each light.

    The class is a place in LIGHTS, the box in the picture's pixels. L is how many the row with the most has, at least
    one; a row with fewer has NaN for the others.

    size  height and width of the pictures
    Raises DataError naming file and number of the light that is wrong.
    """
    there = listings.of(folder)
    total, done = sum(map(len, parts.values())), 0
    seen: dict[str, list[list[Light]]] = {part: [] for part in parts}
    for part, table in parts.items():
        for row, id in enumerate(table.ids.tolist()):
            if f"{id}.json" not in there:
                help = "Every row has a list there, an empty one ([]) where no light is seen."
                raise DataError(f"{folder / id}.json: there is no such file; {table.where(row)} needs it.", help)
            seen[part].append(_read(f"{folder}/{id}.json", size))
            done += 1
            if done % TOLD == 0 or done == total:
                progress(f"reading {folder.name}", done, total)
    most = max([1, *(len(row) for rows in seen.values() for row in rows)])
    return {part: _as_array(rows, most) for part, rows in seen.items()}


def _as_array(rows: Sequence[list[Light]], most: int) -> Array:
    lights = np.full((len(rows), most, 5), np.nan, np.float32)
    for row, each in enumerate(rows):
        if each:
            lights[row, : len(each)] = each
    return lights


def _read(path: str, size: tuple[int, int]) -> list[Light]:
    try:
        with open(path, "rb") as file:
            items = json.load(file, parse_int=float)  # of 400 digits it is inf, as 1e400 is
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read as JSON ({error}).", "Replace it.") from None
    if not isinstance(items, list):
        raise DataError(f"{path}: is no list of lights.", "An empty one is [].")
    return [_light(path, number, item, size) for number, item in enumerate(items, start=1)]


def _light(path: str, number: int, item: Any, size: tuple[int, int]) -> Light:
    kind = item.get("class") if isinstance(item, dict) else None
    box = item.get("bbox") if isinstance(item, dict) else None
    if not isinstance(kind, str) or kind not in LIGHTS:
        raise DataError(
            f"{path}, light {number}, class: {str(kind)[:40]!r} is no class of lights.",
            nearest(str(kind), LIGHTS, "classes"),
        )
    numbers = isinstance(box, list) and len(box) == 4 and all(type(each) is float for each in box)
    if box is None or not numbers or not np.isfinite(np.array(box, np.float64)).all():
        raise DataError(f"{path}, light {number}, bbox: {str(box)[:60]} is no box.", "It is [x1, y1, x2, y2].")
    (left, top, right, bottom), (height, width) = box, size
    inside = -OUTSIDE <= left <= right <= width + OUTSIDE and -OUTSIDE <= top <= bottom <= height + OUTSIDE
    if not inside:
        raise DataError(
            f"{path}, light {number}, bbox: {box} is not within the picture of {width} x {height} pixels.",
            "It is [x1, y1, x2, y2] with x1 <= x2 and y1 <= y2, in the picture's own pixels.",
        )
    return (float(LIGHTS.index(kind)), left, top, right, bottom)
