"""One info file: the labels of a frame, as the homework ships them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ctk.errors import DataError, nearest
from ctk.files import reading
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
    detections           boxes by view
    distance_down_track  metres, by kart
    velocity             m/s along x, y and z, by kart
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    track: str
    karts: list[str]
    detections: list[list[Box]]
    distance_down_track: list[float]
    velocity: list[Annotated[list[float], Field(min_length=3, max_length=3)]]


def read_info(path: Path) -> Info:
    """Read and check a file. Raises DataError naming it and the key that is wrong, DamagedError where it is no file."""
    with reading(path, MEND) as file:
        content = file.read()
    try:
        info = Info.model_validate_json(content)
    except ValidationError as error:
        raise _explained(path, error) from None
    for view, boxes in enumerate(info.detections):
        for box in boxes:
            if box[0] == KART and not 0 <= box[1] < len(info.karts):
                raise DataError(
                    f"{path}, detections, view {view}: a kart has the track id {box[1]}, and karts has "
                    f"{len(info.karts)} names.",
                    MEND,
                )
    return info


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
