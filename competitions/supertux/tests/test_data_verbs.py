"""``ctk data tux-vlm`` and ``tux-clip``: --generate, --check and --against, on a small homework folder."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
from competitions.supertux.tests.small_homework import NEAR, write_frame, write_records, write_small_homework
from PIL import Image

from ctk.errors import DataError
from ctk_supertux.check_picture import for_terminal
from ctk_supertux.data_verbs.generate import GenerateQuestions
from ctk_supertux.labels import family_of
from ctk_supertux.reading.choices import TuxChoiceReader
from ctk_supertux.reading.questions import TuxQuestionReader


@pytest.fixture
def folder(tmp_path):
    return write_small_homework(tmp_path / "data")


def test_questions_are_generated_and_read_back(folder, ctk):
    made = TuxQuestionReader(generate={"balance": "none"}).read(folder).train
    told = ctk("data", "tux-vlm", "--generate", "--data", folder, code=0).stdout
    path = folder / "train" / "generated_qa_pairs.json"
    rows = json.loads(path.read_text())
    assert "48 records about 6 pictures: 6 ego, 6 count, 6 track, 18 relative, 12 counting" in " ".join(told.split())
    assert len(rows) == 48
    assert rows[0] == {
        "question": "What kart is the ego car?",
        "answer": "tux",
        "image_file": "train/00010_00_im.jpg",
    }
    read = TuxQuestionReader().read(folder).train
    assert read.target.tolist() == made.target.tolist()
    assert read.groups["karts"].tolist() == made.groups["karts"].tolist()
    agree = ctk("data", "tux-vlm", "--against", path, code=0).stdout
    assert "48 of 48 answers agree with the labels" in " ".join(agree.split())


def test_as_many_as_wished_even_by_family(folder, tmp_path, ctk):
    out = tmp_path / "other" / "some_qa_pairs.json"
    line = ("data", "tux-vlm", "--generate", "--data", folder, "--balance", "family", "--limit", "20", "--out", out)
    ctk(*line, code=0)
    assert Counter(family_of(row["question"]) for row in json.loads(out.read_text())) == dict.fromkeys(range(5), 4)
    first = out.read_bytes()
    ctk(*line, code=0)
    assert out.read_bytes() == first
    ctk(*line, "--views", "2", "--zeros", "--seed", "3", code=0)
    assert len({row["image_file"] for row in json.loads(out.read_text())}) == 2
    refused = ctk("data", "tux-vlm", "--generate", "--data", folder, "--out", tmp_path / "pairs.json")
    assert refused.returncode
    assert "has to end with _qa_pairs.json" in " ".join((refused.stdout + refused.stderr).split())


def test_views_without_karts_or_pictures_are_counted(folder):
    write_frame(folder / "train", 0x12, ([], [NEAR]))
    (folder / "train" / "00012_01_im.jpg").unlink()
    lines = GenerateQuestions(data=folder).run(lambda what, done, total: None)
    assert "1 of 8 views have no kart, and nothing is asked about them" in lines
    assert "1 views have no picture, such as train/00012_01_im.jpg, and nothing is said about them" in lines
    assert not any("00012" in row["image_file"] for row in json.loads(
        (folder / "train" / "generated_qa_pairs.json").read_text()
    ))  # fmt: skip


def test_captions_are_generated_and_read_back(folder, ctk):
    ctk("data", "tux-clip", "--generate", "--data", folder, code=0)
    path = folder / "train" / "generated_captions.json"
    rows = json.loads(path.read_text())
    assert [row["caption"] for row in rows[3:8]] == [
        "tux is the ego car.",
        "There are 2 karts in the scene.",
        "The track is abyss.",
        "gnu is left of the ego car.",
        "gnu is in front of the ego car.",
    ]
    assert len(TuxChoiceReader().read(folder).train) == len(rows) == 30
    agree = ctk("data", "tux-clip", "--against", path, code=0).stdout
    assert "30 of 30 captions agree with the labels" in " ".join(agree.split())


def test_graded_files_are_made_of_valid_and_never_over_others(folder, tmp_path):
    for frame in range(0x20, 0x28):
        write_frame(folder / "valid", frame, track=f"track{frame}")
    with pytest.raises(DataError, match=r"has graded files already"):
        GenerateQuestions(data=folder, graded=True).run(lambda what, done, total: None)
    out = tmp_path / "valid_grader"
    GenerateQuestions(data=folder, graded=True, out=out).run(lambda what, done, total: None)
    rows = json.loads((out / "balanced_qa_pairs.json").read_text())
    assert all(row["image_file"].startswith("valid/") for row in rows)
    assert len(json.loads((out / "all_mc_qas.json").read_text())) == 27


def test_rows_that_disagree_are_named(folder, ctk):
    path = folder / "valid_grader" / "balanced_qa_pairs.json"
    told = " ".join(ctk("data", "tux-vlm", "--against", path, code=0).stdout.split())
    assert "5 of 5 answers agree with the labels" in told
    rows = json.loads(path.read_text())
    rows[1]["answer"] = "2"
    rows[3]["question"] = "Where is kiki relative to the ego car?"
    rows.append({"question": "What track is this?", "answer": "x", "image_file": "valid/00099_00_im.jpg"})
    write_records(path, rows)
    told = " ".join(ctk("data", "tux-vlm", "--against", path, code=0).stdout.split())
    assert "3 of 5 answers agree with the labels" in told
    assert "1 rows are about pictures without labels here" in told
    assert "row 2, valid/0001f_02_im.jpg: How many karts are there in the scenario? '2', and not '3'" in told
    assert "row 4, valid/0001f_01_im.jpg: 'Where is kiki relative to the ego car?' is asked of no such view" in told
    write_records(path, [{key: row[key] for key in ("question", "image_file")} for row in rows])
    assert "has no answers" in ctk("data", "tux-vlm", "--against", path, code=0).stdout


def test_choices_with_a_second_true_caption_are_named(folder, ctk):
    path = folder / "valid_grader" / "all_mc_qas.json"
    rows = json.loads(path.read_text())
    rows[0]["candidates"][1] = "The track is hacienda."
    rows[1]["correct_index"] = 0
    write_records(path, rows)
    told = " ".join(ctk("data", "tux-clip", "--against", path, code=0).stdout.split())
    assert "2 of 3 captions agree with the labels" in told
    assert "row 2, valid/0001f_01_im.jpg: 'gnu is the ego car.' is not true" in told
    assert "row 1, valid/0001f_00_im.jpg: 'The track is hacienda.' is true beside 'tux is the ego car.'" in told


def test_a_view_is_drawn_with_boxes_ego_mark_and_everything_asked(folder, tmp_path, ctk):
    info, out = folder / "valid" / "0001f_info.json", tmp_path / "drawn.png"
    told = ctk("data", "tux-vlm", "--check", info, "--view", "2", "--out", out, code=0).stdout
    assert "Where is gnu relative to the ego car?  front and left" in told
    assert "How many karts are there in the scenario?  3" in told
    with Image.open(out) as drawn:
        pixels = np.asarray(drawn.convert("RGB"))
    assert pixels.shape[0] >= 600
    yellow, blue = [255, 210, 31], [56, 225, 255]
    # scaled boxes times six: tux 65..85 x 40..60, gnu 10..30 x 20..40
    assert pixels[300, 390].tolist() == pixels[360, 450].tolist() == yellow
    assert pixels[200, 60].tolist() == pixels[240, 120].tolist() == blue
    panel = pixels[:, 900:]
    assert (panel < 128).any(axis=(1, 2)).sum() > 100  # letters of the questions
    said = ctk("data", "tux-clip", "--check", info, "--view", "1", "--out", out, code=0).stdout
    assert "gnu is in front of the ego car." in said
    refused = ctk("data", "tux-vlm", "--check", info, "--view", "3", "--out", out)
    assert refused.returncode
    assert "has views 0 to 2, and no 3" in " ".join((refused.stdout + refused.stderr).split())


def test_what_is_odd_in_a_view_is_told_beside_it(tmp_path, ctk):
    path = write_frame(tmp_path, 0x12, ([NEAR, [9, 0, 0, 0, 9, 9], [1, 1, -9, 100, 620, 300]],))
    told = " ".join(ctk("data", "tux-vlm", "--check", path, "--out", tmp_path / "drawn.png", code=0).stdout.split())
    assert "boxes of an unknown class 9, such as in 00012, view 0, are read as no kart" in told
    assert "1 boxes of karts reach out of 600 x 400 pixels, such as in 00012, view 0" in told


def test_a_picture_in_the_terminal_has_two_pixels_a_character():
    lines = for_terminal(Image.new("RGB", (900, 600), (1, 2, 3)))
    assert len(lines) == 50
    assert lines[0].startswith("\x1b[38;2;1;2;3m\x1b[48;2;1;2;3m▀")
    assert lines[0].count("▀") == 150
