"""One info file: the labels of a frame, as the homework ships them."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Annotated

import msgspec

from ctk.errors import DataError, nearest
from ctk.files import reading
from ctk_supertux.columns import INFO

KNOWN_CLASSES = frozenset({1, 2, 3, 4, 5, 6, 8, 255})
"""Classes of boxes in the course's files; 1 is a kart, and no rule reads another."""
KART = 1
MEND = "Take the homework's own info files, or mend this one."
FRAME = re.compile(r"[0-9a-f]+")
Number = Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**31)]
Box = tuple[Number, Number, Number, Number, Number, Number]
"""The six of NUMBERS, whole pixels of a picture of 600 x 400."""
NUMBERS = ("class", "track id", "x1", "y1", "x2", "y2")


class Info(msgspec.Struct, forbid_unknown_fields=True):
    """The labels of one frame, seen from each of its views.

    track                the track's id
    karts                names; a kart's track id is its place here
    detections           boxes by view
    distance_down_track  metres, by kart
    velocity             m/s along x, y and z, by kart
    """

    track: str
    karts: list[str]
    detections: list[list[Box]]
    distance_down_track: list[float]
    velocity: list[tuple[float, float, float]]


DECODER = msgspec.json.Decoder(Info)  # parses and checks at once, in a third of the time that json parses in


def read_info(path: Path) -> Info:
    """Read and check a file. Raises DataError naming it and the wrong place, DamagedError where it is no file."""
    with reading(path, MEND) as file:
        content = file.read()
    try:
        return DECODER.decode(content)
    except msgspec.ValidationError as error:
        raise _explained(path, error, content) from None
    except msgspec.DecodeError:
        pass
    try:
        return msgspec.convert(json.loads(content), Info)  # Python's json also writes, and reads, NaN and Infinity
    except msgspec.ValidationError as error:
        raise _explained(path, error, content) from None
    except ValueError as error:
        raise DataError(f"{path}: is no JSON ({error}).", MEND) from None


def list_infos(folder: Path) -> list[Path]:
    """Find the info files of a folder, in the order of their frames. Raises DataError where there are none."""
    names = sorted(each for each in os.listdir(folder) if each.endswith(INFO)) if folder.is_dir() else []
    if not names:
        raise DataError(f"{folder}: there are no files *{INFO}.", "Give a folder of the homework's data.")
    return [folder / name for name in names]


def frame_of(path: Path) -> str:
    """Return a file's frame, a hexadecimal number: "007d8" of 007d8_info.json. Raises DataError for another name."""
    frame = path.name.removesuffix(INFO)
    if not path.name.endswith(INFO) or not FRAME.fullmatch(frame):
        raise DataError(f"{path}: is not called FRAME{INFO}.", "FRAME is a hexadecimal number, as in 007d8_info.json.")
    return frame


FAULT = re.compile(r"Expected `(?P<needed>\w+)`(?P<more>.*?)(, got `(?P<got>\w+)`)?( - at `\$\.(?P<at>.*)`)?")
KEY = re.compile(r"Object (?P<fault>contains unknown|missing required) field `(?P<key>.*)`")
"""What msgspec says."""
WORDS = {"int": "a whole number", "float": "a number", "str": "text", "array": "a list", "object": "a mapping"}
GIVEN = {**WORDS, "float": "a number with a point", "bool": "true or false", "null": "nothing"}
STEPS = {
    "detections": ("view", "detection", "number"),
    "distance_down_track": ("kart",),
    "karts": ("kart",),
    "velocity": ("kart", "number"),
}
"""What the places are called that lead to a value, key by key."""


def _explained(path: Path, error: msgspec.ValidationError, content: bytes) -> DataError:
    if (about := KEY.fullmatch(str(error))) is not None:
        key = about["key"]
        if about["fault"] == "contains unknown":
            return DataError(
                f"{path}: has a key {key!r}, which no info file has.", nearest(key, Info.__struct_fields__, "keys")
            )
        return DataError(f"{path}: has no key {key!r}. It has {', '.join(map(repr, json.loads(content)))}.", MEND)
    if (fault := FAULT.fullmatch(str(error))) is None:
        return DataError(f"{path}: is no info file ({error}).", MEND)
    key, *places = re.findall(r"\w+", fault["at"] or "")[:4] or [""]
    steps = [f", {step} {place}" for step, place in zip(STEPS.get(key, ()), places, strict=False)]
    if key == "detections" and len(places) == len(STEPS[key]):
        steps[-1] = f", {NUMBERS[int(places[-1])]}"
    where = "".join([str(path), f", {key}" if key else "", *steps])
    if fault["got"]:
        told = (
            f"is {GIVEN.get(fault['got'], fault['got'])}, and {WORDS.get(fault['needed'], fault['needed'])} is needed"
        )
    elif fault["needed"] == "array":
        names = f": {', '.join(NUMBERS)}" if key == "detections" else ""
        told = f"does not have the {fault['more'].split()[-1]} numbers that are needed{names}"
    else:
        told = "is a number that no picture's pixel has"
    return DataError(f"{where}: {told}.", MEND)
