"""Batches of one question: no caption of a batch is true of another row's picture, though many are of its kind."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ctk.samples import Data
from ctk.training.batches import Batches
from ctk_supertux.reading.choices import TuxChoiceReader

KARTS, TRACKS = ["tux", "gnu", "konqi", "nolok"], ["lighthouse", "zengarden", "hacienda"]


def true_captions(info: dict, view: int) -> set[str]:
    """Every caption that holds of a view, by the rules of the course as they are told, one kart after another."""
    seen = []
    for kind, track_id, *box in info["detections"][view]:
        x1, y1, x2, y2 = (int(each * 0.25) for each in box)
        if kind == 1 and x2 - x1 >= 5 and y2 - y1 >= 5:
            seen.append((info["karts"][track_id], (x1 + x2) / 2, (y1 + y2) / 2))
    ego, x, y = min(seen, key=lambda kart: (kart[1] - 75) ** 2 + (kart[2] - 50) ** 2)
    said = {f"{ego} is the ego car.", f"There are {len(seen)} karts in the scene.", f"The track is {info['track']}."}
    for name, own_x, own_y in seen:
        if name != ego:
            said.add(f"{name} is {'left' if own_x <= x else 'right'} of the ego car.")
            said.add(f"{name} is {'in front of' if own_y < y else 'behind'} the ego car.")
    return said


@pytest.fixture(scope="module")
def choices(once) -> tuple[Data, dict[str, dict]]:
    """A homework folder of 12 frames of 3 tracks, read; and its labels by frame."""

    def make(folder: Path) -> None:
        random = np.random.default_rng(0)
        for part, frames in (("train", range(10)), ("valid", range(10, 12))):
            (folder / part).mkdir()
            for frame in frames:
                detections = []
                for view in range(10):
                    boxes = []
                    others = [kart for kart in range(4) if kart != view % 4]
                    for kart in random.permutation(others)[: random.integers(0, 4)].tolist():
                        x, y = int(random.integers(0, 500)), int(random.integers(0, 300))
                        wide, high = random.integers(10, 90, 2).tolist()
                        boxes.append([1, kart, x, y, x + wide, y + high])
                    boxes.append([1, view % 4, 280, 180, 320, 220])  # one is always large enough
                    detections.append(boxes)
                    pixels = random.integers(0, 256, (100, 150, 3)).astype(np.uint8)
                    Image.fromarray(pixels).save(folder / part / f"{frame:05x}_{view:02d}_im.jpg")
                info = {
                    "track": TRACKS[frame % 3], "karts": KARTS, "detections": detections,
                    "distance_down_track": [0.0] * 10, "velocity": [[0.0] * 3] * 10,
                }  # fmt: skip
                (folder / part / f"{frame:05x}_info.json").write_text(json.dumps(info))
        (folder / "valid_grader").mkdir()
        candidates = ["tux is the ego car.", *(f"The track is {name}." for name in ("a", "b", "c", "d"))]
        record = {"image_file": "valid/0000a_00_im.jpg", "candidates": candidates, "correct_index": 0}
        (folder / "valid_grader" / "all_mc_qas.json").write_text(json.dumps([record]))

    folder = once("tux-clip-batches", make)
    infos = {path.name[:5]: json.loads(path.read_text()) for path in (folder / "train").glob("*_info.json")}
    return TuxChoiceReader().read(folder), infos


def test_no_caption_of_a_batch_is_true_of_another_rows_picture(choices):
    data, infos = choices
    train = data.train
    files = [Path(file).name for file in train.notes["image_file"]]
    true = [true_captions(infos[file[:5]], int(file[6:8])) for file in files]
    right = [row[place] for row, place in zip(train.features["candidates"], train.target, strict=True)]
    assert all(caption in said for caption, said in zip(right, true, strict=True))
    candidates = train.features["candidates"]
    assert all(sum(each in said for each in row) == 1 for row, said in zip(candidates, true, strict=True))

    def false_negatives(within: np.ndarray | None) -> int:
        found = 0
        for batch in Batches(len(train), 16, seed=1, within=within):
            rows = batch.tolist()
            found += sum(right[other] != right[row] and right[other] in true[row] for row in rows for other in rows)
        return found

    assert false_negatives(train.groups["question"]) == 0
    assert false_negatives(None) > 0
