"""A small homework folder: frames whose boxes a test gives, grey pictures, graded files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

KARTS = ("tux", "gnu", "kiki", "puffy")
Boxes = Sequence[Sequence[int]]
"""Of one view: [class, track id, x1, y1, x2, y2]."""
NEAR = [1, 0, 260, 160, 340, 240]
"""tux in the middle of the picture."""
LEFT_AHEAD = [1, 1, 40, 80, 120, 160]
"""gnu, further left and higher."""
RIGHT_BEHIND = [1, 2, 480, 240, 560, 320]
"""kiki, further right and lower."""
VIEWS = ([NEAR], [NEAR, LEFT_AHEAD], [LEFT_AHEAD, NEAR, RIGHT_BEHIND])
"""Three views: of one kart, of two and of three."""
OTHER_VIEWS = tuple([[1, kart, *box] for kart, (_, _, *box) in zip((3, 1, 2), boxes, strict=False)] for boxes in (
    (NEAR,), (NEAR, RIGHT_BEHIND), (NEAR, RIGHT_BEHIND, LEFT_AHEAD)
))  # fmt: skip
"""As many with other karts at other places: puffy is the ego car."""


def info(views: Sequence[Boxes], track: str = "abyss", **changed: Any) -> dict[str, Any]:
    """An info file's content."""
    karts = len(KARTS)
    content = {"track": track, "karts": list(KARTS), "detections": [list(boxes) for boxes in views]}
    return {**content, "distance_down_track": [0.0] * karts, "velocity": [[0.0] * 3] * karts, **changed}


def write_frame(folder: Path, frame: int, views: Sequence[Boxes] = VIEWS, track: str = "abyss", **changed: Any) -> Path:
    """Write an info file and a picture of each view; returns the info file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{frame:05x}_info.json"
    path.write_text(json.dumps(info(views, track, **changed)))
    for view in range(len(views)):
        Image.new("RGB", (150, 100), (frame % 256, view, 0)).save(folder / f"{frame:05x}_{view:02d}_im.jpg")
    return path


def write_records(path: Path, records: Sequence[Mapping[str, Any]]) -> Path:
    """Write a JSON list."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(records))
    return path


GRADED = (
    ("What kart is the ego car?", "tux", "valid/0001f_02_im.jpg"),
    ("How many karts are there in the scenario?", "3", "valid/0001f_02_im.jpg"),
    ("What track is this?", "hacienda", "valid/0001f_00_im.jpg"),
    ("Where is gnu relative to the ego car?", "front and left", "valid/0001f_01_im.jpg"),
    ("How many karts are behind the ego car?", "1", "valid/0001f_02_im.jpg"),
)
CANDIDATES = ("gnu is the ego car.", "The track is abyss.", "tux is the ego car.", "kiki is the ego car.")


def write_small_homework(folder: Path) -> Path:
    """Frames 10 and 11 (hexadecimal) to train on, 1f to be graded about, each of three views; both graded files."""
    write_frame(folder / "train", 0x10)
    write_frame(folder / "train", 0x11, OTHER_VIEWS, track="minigolf")
    write_frame(folder / "valid", 0x1F, track="hacienda")
    pairs = [{"question": question, "answer": answer, "image_file": file} for question, answer, file in GRADED]
    write_records(folder / "valid_grader" / "balanced_qa_pairs.json", pairs)
    choices = [
        {
            "image_file": f"valid/0001f_{view:02d}_im.jpg",
            "candidates": [*CANDIDATES, f"There are {view + 2} karts in the scene."],
            "correct_index": 2,
        }
        for view in range(3)
    ]
    write_records(folder / "valid_grader" / "all_mc_qas.json", choices)
    return folder
