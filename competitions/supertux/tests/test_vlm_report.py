"""What the report shows of answers: frames by family, accuracy by family and karts, and confused counts."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np

from ctk.samples import Samples
from ctk_supertux import report
from ctk_supertux.report import accuracies, questions

ROWS = (
    # question, truth, answer, family, karts
    ("What kart is the ego car?", "tux", "TUX", 0, 1),
    ("What kart is the ego car?", "<b>", "gnu", 0, 2),
    ("How many karts are there in the scenario?", "1", "1", 1, 1),
    ("How many karts are there in the scenario?", "2", "3", 1, 2),
    ("How many karts are there in the scenario?", "5", "many", 1, 5),
    ("How many karts are behind the ego car?", "1", "10", 4, 2),
    ("Is it raining?", "no", "", -1, -1),
)


def results() -> SimpleNamespace:
    question, truth, answer, family, karts = (np.array(column) for column in zip(*ROWS, strict=True))
    count = len(ROWS)
    valid = Samples(
        np.arange(count),
        {"image": np.zeros((count, 100, 150, 3), np.uint8), "question": question},
        truth,
        {"family": family.astype(np.int64), "karts": karts.astype(np.int64)},
        {"image_file": np.array([f"train/0000{row}_00_im.jpg" for row in range(count)])},
    )
    return SimpleNamespace(valid=valid, blended=answer)


def cells(html: str, name: str) -> list[str]:
    row = html.split(f'<th scope="row">{name}</th>')[1].split("</tr>")[0]
    return [re.sub("<[^>]*>", "", cell) for cell in row.split("</td>")[:-1]]


def test_frames_are_shown_by_family_with_question_answer_and_truth():
    html = questions.section(results()).html
    assert re.findall("<h3>(.*?)</h3>", html) == ["ego", "count", "counting"]
    assert html.count("data:image/jpeg;base64,") == 6
    assert "<dd>gnu</dd><dt>truth</dt><dd>&lt;b&gt;</dd>" in html
    assert html.index("00000_00") < html.index("00001_00")  # the right one first
    assert html.count("<figcaption>wrong") == 3


def test_some_rows_of_each_family_from_right_to_wrong():
    right = np.arange(40) % 4 > 0
    rows = questions.chosen(right, np.arange(40) < 30)
    assert len(rows) == 4
    assert right[rows].tolist() == sorted(right[rows].tolist(), reverse=True)
    assert (right[rows[0]], right[rows[-1]]) == (True, False)
    assert max(rows) < 30
    assert questions.chosen(right, np.zeros(40, bool)) == []


def test_accuracy_by_family_and_karts_is_counted():
    html = accuracies.section(results()).html
    assert re.findall('<th scope="col"[^>]*>(.*?)</th>', html) == ["family", "all", "1", "2", "3", "4+"]
    assert cells(html, "all") == ["0.43 (7)", "1.00 (2)", "0.33 (3)", "", "0.00 (1)"]
    assert cells(html, "count") == ["0.33 (3)", "1.00 (1)", "0.00 (1)", "", "0.00 (1)"]
    assert cells(html, "counting") == ["1.00 (1)", "", "1.00 (1)", "", ""]  # 10 for 1, by the grader's rule
    assert cells(html, "other")[0] == "0.00 (1)"
    assert "track" not in html


def test_counts_are_confused_by_what_was_answered_for_what():
    html = accuracies.counts(results()).html
    heads = re.findall('<th scope="col"[^>]*>(.*?)</th>', html)
    assert heads == ["true", *(f"{name} answered" for name in ("1", "2", "3", "5", "10", "no number"))]
    assert cells(html, "1") == ["1", "0", "0", "0", "1", "0"]
    assert cells(html, "2") == ["0", "0", "1", "0", "0", "0"]
    assert cells(html, "5") == ["0", "0", "0", "0", "0", "1"]


def test_nothing_is_shown_without_a_blend():
    assert report.answers(SimpleNamespace(blended=None)) == []
    assert len(report.answers(results())) == 3
