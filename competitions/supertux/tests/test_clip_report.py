"""What the report shows of choices: five captions with scores a frame, and kinds that were taken for others."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from ctk.samples import Samples
from ctk_supertux.report import captions

COUNTS = [f"There are {count} karts in the scene." for count in (2, 3)]
CANDIDATES = [
    ["tux is the ego car.", "The track is <b>.", COUNTS[0], "gnu is the ego car.", "gnu is left of the ego car."],
    ["gnu is the ego car.", "The track is x.", COUNTS[1], "tux is the ego car.", "gnu is behind the ego car."],
]


def results() -> SimpleNamespace:
    valid = Samples(
        np.arange(2),
        {"image": np.zeros((2, 100, 150, 3), np.uint8), "candidates": np.array(CANDIDATES)},
        np.array([0, 2]),
        notes={"image_file": np.array(["train/00001_00_im.jpg", "train/00002_03_im.jpg"])},
    )
    scores = np.array([[0.7, 0.1, 0.1, 0.05, 0.05], [0.1, 0.6, 0.2, 0.05, 0.05]], np.float32)
    return SimpleNamespace(valid=valid, blended=scores)


def test_a_frame_is_shown_with_its_captions_their_scores_and_the_right_one():
    html = captions.section(results()).html
    assert html.count("<li") == 10
    assert '<li class="right"><span>There are 3 karts in the scene.</span><span>0.20</span>' in html
    assert "The track is &lt;b&gt;." in html
    assert html.index("00001_00") < html.index("00002_03")
    assert html.count("data:image/jpeg;base64,") == 2


def test_kinds_are_counted_by_what_was_chosen_in_whose_place():
    html = captions.confusion(results()).html
    ego, count = (html.split(f'<th scope="row">{name}</th>')[1].split("</tr>")[0] for name in ("ego", "count"))
    cells = [row.replace('<td class="number">', "").split("</td>")[:4] for row in (ego, count)]
    assert cells == [["1 (1)", "0", "0", "0"], ["0", "0", "1", "0"]]
