"""The label rules, each on boxes whose right answer was found by hand, and what is drawn of all that can be said."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
import pytest
from competitions.supertux.tests.small_homework import KARTS, LEFT_AHEAD, NEAR, RIGHT_BEHIND, info

from ctk_supertux.labels import (
    CaptionPool,
    Info,
    Sampling,
    ask,
    caption,
    draw,
    draw_views,
    draw_wrong,
    family_of,
    kind_and_question,
    label_frames,
    shuffle,
    write_captions,
    write_graded,
    write_pairs,
)
from ctk_supertux.labels.graded import make_choices
from ctk_supertux.labels.sampling import fill_evenly


def views_of(*views, track="abyss"):
    return label_frames([(Path("0001f_info.json"), msgspec.convert(info(views, track), Info))])


def answers(view, zeros=True):
    asked = ask(views_of(view), zeros)
    return {asked.texts[text]: asked.answers[answer] for text, answer in zip(asked.text, asked.answer, strict=True)}


def captions(view):
    said = caption(views_of(view))
    return [said.texts[text] for text in said.text]


def total(view):
    return answers(view).get("How many karts are there in the scenario?")


@pytest.mark.parametrize(
    ("x1", "x2", "kept"),
    [(203, 220, True), (200, 219, False), (200, 220, True), (203, 219, False), (202, 223, True), (200, 223, True)],
)
def test_each_corner_is_truncated_before_the_width_is_taken(x1, x2, kept):
    # 203 / 4 is 50 and 220 / 4 is 55: 5 pixels, where 17 / 4 is 4.25; 200 and 219 are 50 and 54, where 19 / 4 is 4.75
    small = [1, 1, x1, 100, x2, 200]
    assert total([NEAR, small]) == ("2" if kept else "1")
    turned = [1, 1, 100, x1, 200, x2]  # the same of heights
    assert total([NEAR, turned]) == ("2" if kept else "1")


def test_only_karts_count_and_a_kart_is_named_by_its_track_id():
    others = [[kind, 0, 100, 100, 200, 200] for kind in (2, 3, 4, 5, 6, 8, 255)]
    found = answers([*others, [1, 3, 260, 160, 340, 240]])
    assert found["What kart is the ego car?"] == "puffy"
    assert found["How many karts are there in the scenario?"] == "1"
    assert found["What track is this?"] == "abyss"


def test_the_ego_is_nearest_to_the_middle_neither_the_first_nor_the_views_own():
    far = [1, 0, 0, 0, 100, 100]
    near = [1, 2, 280, 220, 360, 300]
    assert answers([far, near])["What kart is the ego car?"] == "kiki"
    # (75, 50) in pixels of 150 x 100, not (300, 200) of boxes that are not scaled; distances 15 down and 16 across
    down, across = [1, 1, 280, 220, 320, 300], [1, 2, 344, 180, 384, 220]
    assert answers([across, down])["What kart is the ego car?"] == "gnu"
    # truncation decides: 299 / 4 is 74, so its centre is 74.5 - 75 of the other is nearer
    assert answers([[1, 1, 260, 160, 339, 240], [1, 2, 260, 160, 340, 240]])["What kart is the ego car?"] == "kiki"


def test_a_too_small_kart_is_no_ego():
    assert answers([[1, 1, 292, 192, 308, 208], LEFT_AHEAD])["What kart is the ego car?"] == "gnu"


@pytest.mark.parametrize(
    ("box", "side", "front"),
    [
        (LEFT_AHEAD, "left", "front"),
        (RIGHT_BEHIND, "right", "back"),
        ([1, 1, 260, 40, 340, 120], "left", "front"),  # straight ahead: a tie of x is left
        ([1, 1, 40, 160, 120, 240], "left", "back"),  # at the ego's height: only what is higher is in front
        ([1, 1, 264, 40, 344, 120], "right", "front"),  # one pixel
        ([1, 1, 263, 40, 343, 120], "left", "front"),  # less than one: 65 and 85 as the ego's
    ],
)
def test_sides(box, side, front):
    name = KARTS[box[1]]
    found = answers([NEAR, box])
    assert found[f"Is {name} to the left or right of the ego car?"] == side
    assert found[f"Is {name} in front of or behind the ego car?"] == front
    assert found[f"Where is {name} relative to the ego car?"] == f"{front} and {side}"
    said = captions([NEAR, box])
    assert f"{name} is {side} of the ego car." in said
    assert {"front": f"{name} is in front of the ego car.", "back": f"{name} is behind the ego car."}[front] in said


def test_the_total_counts_the_ego_and_directions_do_not():
    found = answers([LEFT_AHEAD, NEAR, RIGHT_BEHIND, [1, 3, 380, 40, 460, 120]])
    counted = [question for question in found if question.startswith("How many")]
    assert {question: found[question] for question in counted} == {
        "How many karts are there in the scenario?": "4",
        "How many karts are to the left of the ego car?": "1",
        "How many karts are to the right of the ego car?": "2",
        "How many karts are in front of the ego car?": "2",
        "How many karts are behind the ego car?": "1",
    }
    assert not any(name in question for question in found for name in ("tux",))  # nothing is asked of the ego


def test_counts_that_are_none_are_asked_for_only_on_wish():
    assert len(answers([NEAR], zeros=True)) == 7
    assert len(answers([NEAR], zeros=False)) == 3
    assert "0" not in answers([NEAR, LEFT_AHEAD], zeros=False).values()


def test_every_caption_of_a_view_in_the_graded_files_words():
    assert captions([LEFT_AHEAD, NEAR]) == [
        "tux is the ego car.",
        "There are 2 karts in the scene.",
        "The track is abyss.",
        "gnu is left of the ego car.",
        "gnu is in front of the ego car.",
    ]
    assert captions([[2, 0, 0, 0, 599, 399]]) == []


def test_a_view_without_karts_is_counted_and_nothing_is_asked_about_it():
    views = views_of([[2, 0, 0, 0, 599, 399]], [NEAR], [])
    assert views.egos.tolist() == [-1, 0, -1]
    assert set(ask(views, zeros=True).view.tolist()) == set(caption(views).view.tolist()) == {1}
    assert views.notes == ("2 of 3 views have no kart, and nothing is asked about them",)


def test_new_classes_and_boxes_outside_are_told():
    views = views_of([NEAR, [9, 0, 100, 100, 200, 200]], [NEAR, [1, 1, -40, 100, 60, 200], [1, 2, 500, 100, 640, 200]])
    assert views.notes == (
        "boxes of an unknown class 9, such as in 0001f, view 0, are read as no kart",
        "2 boxes of karts reach out of 600 x 400 pixels, such as in 0001f, view 1",
    )
    assert views.counts.tolist() == [1, 3]
    assert total([NEAR, [1, 1, 640, 100, 700, 200]]) == "1"  # wholly outside


def plainly(content, view):
    """The rules of the facts again, one kart at a time: {question: answer}."""
    kept = []
    for kind, place, *box in content["detections"][view]:
        x1, y1, x2, y2 = (int(each * 0.25) for each in box)
        if kind == 1 and x2 - x1 >= 5 and y2 - y1 >= 5:
            kept.append((content["karts"][place], (x1 + x2) / 2, (y1 + y2) / 2))
    if not kept:
        return {}
    ego = min(kept, key=lambda kart: (kart[1] - 75) ** 2 + (kart[2] - 50) ** 2)
    others = [
        (name, "left" if x <= ego[1] else "right", "front" if y < ego[2] else "back")
        for name, x, y in kept
        if name != ego[0]
    ]
    found = {
        "What kart is the ego car?": ego[0],
        "How many karts are there in the scenario?": str(len(kept)),
        "What track is this?": content["track"],
    }
    for name, side, front in others:
        found[f"Is {name} to the left or right of the ego car?"] = side
        found[f"Is {name} in front of or behind the ego car?"] = front
        found[f"Where is {name} relative to the ego car?"] = f"{front} and {side}"
    directions = Counter(word for _, *words in others for word in words)
    for word, text in (
        ("left", "to the left of"),
        ("right", "to the right of"),
        ("front", "in front of"),
        ("back", "behind"),
    ):
        found[f"How many karts are {text} the ego car?"] = str(directions[word])
    return found


def test_thousands_of_random_views_agree_with_the_rules_written_plainly():
    random = np.random.default_rng(3)
    contents = []
    for _ in range(300):
        views = []
        for _ in range(4):
            corner, size = random.integers(0, 560, (4, 2)) * [1, 0.6], random.integers(10, 90, (4, 2))
            views.append([
                [int(random.choice([1, 1, 1, 2])), kart, *map(int, corner[kart]), *map(int, corner[kart] + size[kart])]
                for kart in random.permutation(4).tolist()[: random.integers(0, 5)]
            ])  # fmt: skip
        contents.append(info(views, track=f"track{random.integers(9)}"))
    views = label_frames(
        (Path(f"{frame:05x}_info.json"), msgspec.convert(each, Info)) for frame, each in enumerate(contents)
    )
    asked = ask(views, zeros=True)
    found = [{} for _ in range(len(views))]
    for view, text, answer in zip(asked.view, asked.text, asked.answer, strict=True):
        found[view][asked.texts[text]] = asked.answers[answer]
    assert found == [plainly(content, view) for content in contents for view in range(4)]
    assert len(set(views.counts.tolist())) == 5


@pytest.mark.parametrize(
    ("question", "family"),
    [
        ("What kart is the ego car?", 0),
        ("How many karts are there in the scenario?", 1),
        ("What track is this?", 2),
        ("Where is sara_the_racer relative to the ego car?", 3),
        ("Is tux in front of or behind the ego car?", 3),
        ("How many karts are behind the ego car?", 4),
        ("How many karts are in the scene?", -1),
    ],
)
def test_the_family_of_a_question(question, family):
    assert family_of(question) == family


def test_the_kind_of_a_caption_and_what_it_answers():
    assert kind_and_question("There are 3 karts in the scene.") == (1, "count")
    assert kind_and_question("gnu is right of the ego car.") == (3, "side of gnu")
    assert kind_and_question("gnu is behind the ego car.") == (3, "front of gnu")
    assert kind_and_question("There are 3 karts in the scenario.") == (-1, "")


def test_as_even_as_sizes_allow():
    assert fill_evenly(np.array([2, 100, 100]), 30).tolist() == [2, 14, 14]
    assert fill_evenly(np.array([5, 5]), 100).tolist() == [5, 5]
    assert fill_evenly(np.array([9, 9, 9]), 7).tolist() == [3, 2, 2]


def many_views():
    view = [[NEAR], [NEAR], [NEAR, LEFT_AHEAD], [NEAR, LEFT_AHEAD, RIGHT_BEHIND]]
    frames = [msgspec.convert(info(view, f"track{frame % 5}"), Info) for frame in range(40)]
    return label_frames((Path(f"{frame:05x}_info.json"), each) for frame, each in enumerate(frames))


def test_what_is_drawn_is_even_by_family_and_by_answer():
    asked = ask(many_views())
    even = asked.take(draw(asked, Sampling(balance="family", limit=100)))
    assert np.bincount(even.family).tolist() == [20] * 5
    by_answer = asked.take(draw(asked, Sampling(balance="answer", limit=150)))
    assert np.bincount(by_answer.family).tolist() == [30] * 5
    counts = Counter(by_answer.answers[answer] for answer in by_answer.answer[by_answer.family == 1])
    assert counts == {"1": 10, "2": 10, "3": 10}
    assert np.all(np.diff(by_answer.view) >= 0)
    assert (
        draw(asked, Sampling(balance="family", limit=100, seed=2)).tolist()
        != draw(asked, Sampling(balance="family", limit=100)).tolist()
    )
    assert draw_views(160, Sampling(views=7)).sum() == 7


def test_wrong_captions_are_false_of_their_picture_and_different():
    said = caption(many_views())
    pool = CaptionPool(said.text, said.family, said.view, said.answer, len(said.texts))
    rows = np.arange(len(said))
    wrong = draw_wrong(pool, rows, seed=1)
    true = {(view, text) for view, text in zip(said.view.tolist(), said.text.tolist(), strict=True)}
    assert not any(
        (view, text) in true for view, row in zip(said.view.tolist(), wrong.tolist(), strict=True) for text in row
    )
    candidates, place = shuffle(said.text, wrong, seed=1)
    assert all(len(set(row)) == 5 for row in candidates.tolist())
    assert candidates[rows, place].tolist() == said.text.tolist()
    assert sorted(candidates[0].tolist()) == sorted([int(said.text[0]), *wrong[0].tolist()])
    assert np.bincount(place).min() > len(rows) / 5 * 0.7


def test_files_are_as_json_writes_them(tmp_path):
    views = views_of([NEAR, LEFT_AHEAD], track='a"b')
    asked, said, pictures = ask(views), caption(views), views.pictures("train")
    write_pairs(tmp_path / "x_qa_pairs.json", asked, pictures)
    write_captions(tmp_path / "x_captions.json", said, pictures)
    pairs = json.loads((tmp_path / "x_qa_pairs.json").read_text())
    assert pairs[0] == {
        "question": "What kart is the ego car?",
        "answer": "tux",
        "image_file": "train/0001f_00_im.jpg",
    }
    assert {row["question"]: row["answer"] for row in pairs}["What track is this?"] == 'a"b'
    assert len(pairs) == len(asked) == 8
    rows = json.loads((tmp_path / "x_captions.json").read_text())
    assert [row["caption"] for row in rows] == [said.texts[text] for text in said.text]
    assert rows[0].keys() == {"image_file", "caption"}


def test_graded_files_are_even_and_their_wrong_candidates_false(tmp_path):
    views = many_views()
    assert write_graded(tmp_path, views, views.pictures("valid"), questions=50, choices=100) == (50, 100)
    pairs = json.loads((tmp_path / "balanced_qa_pairs.json").read_text())
    assert Counter(family_of(row["question"]) for row in pairs) == dict.fromkeys(range(5), 10)
    assert not any(row["answer"] == "0" for row in pairs)
    rows = json.loads((tmp_path / "all_mc_qas.json").read_text())
    assert rows == make_choices(views, views.pictures("valid"), 100, seed=1)
    assert len({row["image_file"] for row in rows}) == 100
    kinds = Counter(kind_and_question(row["candidates"][row["correct_index"]])[0] for row in rows)
    assert kinds[3] == 21  # of 200 there are 42
    assert abs(kinds[1] - 29) <= 1
    said = caption(views)
    true = {(view, said.texts[text]) for view, text in zip(said.view.tolist(), said.text.tolist(), strict=True)}
    places = {picture: view for view, picture in enumerate(views.pictures("valid"))}
    for row in rows:
        held = [(places[row["image_file"]], each) in true for each in row["candidates"]]
        assert held == [place == row["correct_index"] for place in range(5)]
