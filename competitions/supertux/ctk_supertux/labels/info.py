"""One info file: the labels of a frame, as the homework ships them."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from ctk.errors import DataError, nearest
from ctk.files import reading
from ctk.samples import Array
from ctk_supertux.columns import INFO

KNOWN_CLASSES = frozenset({1, 2, 3, 4, 5, 6, 8, 255})
"""Classes of boxes in the course's files; 1 is a kart, and no rule reads another."""
KART = 1
MEND = "Take the homework's own info files, or mend this one."
FRAME = re.compile(r"[0-9a-f]+")
Box = Annotated[list[int], Field(min_length=6, max_length=6)]
"""[class, track id, x1, y1, x2, y2], whole pixels of a picture of 600 x 400."""


class Info(BaseModel):
    """The labels of one frame, seen from each of its views.

    track                the track's id
    karts                names; a kart's track id is its place here
    detections           boxes by view; what is in them is checked by ``boxes_of``, all at once
    distance_down_track  metres, by kart
    velocity             m/s along x, y and z, by kart
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    track: str
    karts: list[str]
    detections: list[list[Any]]
    distance_down_track: list[float]
    velocity: list[Annotated[list[float], Field(min_length=3, max_length=3)]]


class _Detections(BaseModel):
    """The same boxes one by one, to say which is wrong."""

    model_config = ConfigDict(strict=True)

    detections: list[list[Box]]


def read_info(path: Path) -> Info:
    """Read and check a file. Raises DataError naming it and the key that is wrong, DamagedError where it is no file."""
    with reading(path, MEND) as file:
        content = file.read()
    try:
        return Info.model_validate(from_json(content))
    except ValidationError as error:
        raise _explained(path, error) from None
    except ValueError as error:
        raise DataError(f"{path}: is no JSON ({error}).", MEND) from None


class KartBoxes(NamedTuple):
    """A frame's boxes of karts: (K, 6) int64 as in the file, (K,) int64 of which view; unknown classes, and a view."""

    boxes: Array
    views: Array
    unknown: dict[int, int]


def boxes_of(frame: str, info: Info) -> KartBoxes:
    """Find the boxes of karts in all views; of the others only their class and length are looked at.

    Raises DataError naming the file and the place.
    """
    boxes = list(chain.from_iterable(info.detections))
    views = np.repeat(np.arange(len(info.detections)), [len(each) for each in info.detections])
    try:
        kinds = [box[0] for box in boxes]
        rows = [row for row, kind in enumerate(kinds) if kind == KART]
        karts = np.array([boxes[row] for row in rows] or np.empty((0, 6), np.int64))
        good = karts.dtype == np.int64 and set(map(len, boxes)) <= {6}
        unknown = {kind: int(views[kinds.index(kind)]) for kind in set(kinds) - KNOWN_CLASSES}
    except (TypeError, ValueError, LookupError):  # a box that is no list, is empty, or has lists in it
        good = False
    if not good:
        try:
            _Detections(detections=info.detections)
        except ValidationError as error:
            raise _explained(Path(frame + INFO), error) from None
        raise DataError(f"{frame}{INFO}, detections: has a number that no picture's pixel has.", MEND)
    nameless = (karts[:, 1] < 0) | (karts[:, 1] >= len(info.karts))
    if nameless.any():
        view, kart = views[rows][nameless][0], karts[nameless][0, 1]
        raise DataError(
            f"{frame}{INFO}, detections, view {view}: a kart has the track id {kart}, and karts has "
            f"{len(info.karts)} names.",
            MEND,
        )
    return KartBoxes(karts, views[rows], unknown)


def list_infos(folder: Path) -> list[Path]:
    """Find the info files of a folder, in the order of their frames. Raises DataError where there are none."""
    paths = sorted(folder.glob(f"*{INFO}")) if folder.is_dir() else []
    if not paths:
        raise DataError(f"{folder}: there are no files *{INFO}.", "Give a folder of the homework's data.")
    return paths


def frame_of(path: Path) -> str:
    """Return a file's frame, a hexadecimal number: "007d8" of 007d8_info.json. Raises DataError for another name."""
    frame = path.name.removesuffix(INFO)
    if not path.name.endswith(INFO) or not FRAME.fullmatch(frame):
        raise DataError(f"{path}: is not called FRAME{INFO}.", "FRAME is a hexadecimal number, as in 007d8_info.json.")
    return frame


def _explained(path: Path, error: ValidationError) -> DataError:
    first = error.errors(include_url=False)[0]
    key = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return DataError(f"{path}: has a key {key!r}, which no info file has.", nearest(key, Info.model_fields, "keys"))
    if first["type"] == "missing":
        there = f" It has {', '.join(map(repr, first['input']))}." if isinstance(first["input"], dict) else ""
        return DataError(f"{path}: has no key {key!r}.{there}", MEND)
    return DataError(f"{path}{', ' if key else ''}{key}: {first['msg']}.", MEND)
