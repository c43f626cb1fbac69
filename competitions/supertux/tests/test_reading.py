"""Both readers on a small homework folder; training is refused on what is not of train/; bad files are one sentence."""

from __future__ import annotations

import json

import numpy as np
import pytest
from competitions.supertux.tests.small_homework import (
    GRADED,
    NEAR,
    info,
    write_frame,
    write_records,
    write_small_homework,
)
from PIL import Image

from ctk.errors import DamagedError, DataError
from ctk.samples import MappedRows, Samples
from ctk_supertux.labels import Sampling, label_files, read_info
from ctk_supertux.reading.choices import TuxChoiceReader
from ctk_supertux.reading.questions import TuxQuestionReader

ALL = Sampling()


@pytest.fixture
def folder(tmp_path):
    return write_small_homework(tmp_path / "data")


def test_graded_questions_are_the_test_in_file_order(folder):
    data = TuxQuestionReader(generate=ALL).read(folder)
    assert data.test.target is None
    assert data.truth.target.tolist() == [answer for _, answer, _ in GRADED]
    assert data.test.features["question"].tolist() == [question for question, _, _ in GRADED]
    assert data.test.ids.tolist() == [0, 1, 2, 3, 4]
    assert data.test.groups["family"].tolist() == [0, 1, 2, 3, 4]
    assert data.test.groups["karts"].tolist() == [3, 3, 1, 2, 3]
    assert data.test.groups["frame"].tolist() == [0x1F] * 5
    assert data.test.notes["image_file"].tolist() == [file for _, _, file in GRADED]


def test_training_questions_are_made_of_labels_where_there_are_no_pairs(folder):
    train = TuxQuestionReader(generate=ALL).read(folder).train
    # of one kart 3 questions; of two 3 + 3 + 2 counts; of three 3 + 6 + 4
    assert len(train) == 2 * (3 + 8 + 13)
    assert set(train.groups["frame"].tolist()) == {0x10, 0x11}
    assert all(file.startswith("train/") for file in train.notes["image_file"].tolist())
    track = train.features["question"] == "What track is this?"
    assert train.target[track].tolist() == ["abyss"] * 3 + ["minigolf"] * 3
    # names sorted: abyss, hacienda (of the test), minigolf
    assert train.groups["track"][track].tolist() == [0, 0, 0, 2, 2, 2]
    assert np.bincount(TuxQuestionReader().read(folder).train.groups["family"]).min() >= 6


def test_a_picture_is_decoded_once_and_is_the_rows_own(folder):
    train = TuxQuestionReader(generate=ALL).read(folder).train
    images = train.features["image"]
    assert isinstance(images, MappedRows)
    assert images.shape == (len(train), 100, 150, 3)
    for row in (0, 3, len(train) - 1):
        with Image.open(folder / str(train.notes["image_file"][row])) as picture:
            assert np.array_equal(images[row], np.asarray(picture.convert("RGB")))


def test_pairs_that_are_there_are_what_is_trained_on(folder):
    row = {"question": "What track is this?", "answer": "abyss", "image_file": "train/00010_01_im.jpg"}
    write_records(folder / "train" / "a_qa_pairs.json", [row])
    write_records(folder / "train" / "b_qa_pairs.json", [{**row, "answer": "other", "more": 1}])
    train = TuxQuestionReader().read(folder).train
    assert train.target.tolist() == ["abyss", "other"]
    assert train.groups["karts"].tolist() == [2, 2]
    assert (train.groups["track"] >= 0).all()


def test_validation_is_never_trained_on(folder):
    good = {"question": "What track is this?", "answer": "abyss", "image_file": "train/00010_01_im.jpg"}
    bad = {**good, "image_file": "valid/0001f_00_im.jpg"}
    path = write_records(folder / "train" / "a_qa_pairs.json", [good, bad])
    with pytest.raises(DataError, match=r"a_qa_pairs.json, row 2: valid/0001f_00_im.jpg is not in train/") as error:
        TuxQuestionReader().read(folder)
    assert "never trained on" in error.value.help
    path.unlink()
    said = {"image_file": "train/../valid/0001f_00_im.jpg", "caption": "tux is the ego car."}
    write_records(folder / "train" / "a_captions.json", [said])
    with pytest.raises(DataError, match=r"is no picture's path"):
        TuxChoiceReader().read(folder)
    write_records(folder / "train" / "a_captions.json", [{**said, "image_file": "valid/0001f_00_im.jpg"}])
    with pytest.raises(DataError, match=r"row 1: valid/0001f_00_im.jpg is not in train/"):
        TuxChoiceReader().read(folder)


def test_what_is_prepared_is_what_is_read(folder, tmp_path):
    read = TuxQuestionReader().read(folder)
    TuxQuestionReader().prepare(folder, tmp_path / "store", lambda what, done, total: None)
    kept = Samples.open(tmp_path / "store" / "train")
    assert kept.target_values().tolist() == read.train.target_values().tolist()
    assert np.array_equal(kept.features["image"][5], read.train.features["image"][5])
    assert len(np.load(tmp_path / "store" / "train" / "features" / "image.npy", mmap_mode="r")) == 6


def test_without_a_train_folder_the_graded_questions_can_still_be_answered(folder, tmp_path):
    for path in (folder / "train").iterdir():
        path.unlink()
    (folder / "train").rmdir()
    assert TuxQuestionReader().prepare_test(folder, tmp_path / "vlm", lambda what, done, total: None) == 1
    assert TuxChoiceReader().prepare_test(folder, tmp_path / "clip", lambda what, done, total: None) == 5
    with pytest.raises(DataError, match=r"there are no files"):
        TuxQuestionReader().read(folder)


def test_choices_are_made_of_true_captions_and_false_ones(folder):
    data = TuxChoiceReader().read(folder)
    train, test = data.train, data.test
    assert len(train) == 2 * (3 + 5 + 7)
    right = train.features["candidates"][np.arange(len(train)), train.target]
    assert right[:3].tolist() == ["tux is the ego car.", "There are 1 karts in the scene.", "The track is abyss."]
    assert train.groups["kind"].tolist()[:3] == [0, 1, 2]
    assert train.groups["question"].tolist()[:3] == [0, 1, 2]
    of_gnu = [int(q) for text, q in zip(right, train.groups["question"], strict=True) if text.startswith("gnu is left")]
    of_gnu += [
        int(q) for text, q in zip(right, train.groups["question"], strict=True) if text.startswith("gnu is right")
    ]
    of_kiki = [int(q) for text, q in zip(right, train.groups["question"], strict=True) if text.startswith("kiki is r")]
    assert (len(of_gnu), len(of_kiki)) == (4, 1)
    assert len(set(of_gnu)) == 1
    assert of_gnu[0] != of_kiki[0]
    true = {}
    for file, text in zip(train.notes["image_file"].tolist(), right.tolist(), strict=True):
        true.setdefault(file, set()).add(text)
    for file, row, place in zip(
        train.notes["image_file"].tolist(), train.features["candidates"], train.target, strict=True
    ):
        assert [text in true[file] for text in row.tolist()] == [each == place for each in range(5)]
    assert test.features["candidates"].shape == (3, 5)
    assert data.truth.target.tolist() == [2, 2, 2]
    assert "kind" not in test.groups  # it would tell the right one
    assert data.truth.groups["kind"].tolist() == [0, 0, 0]


def test_captions_that_are_there_are_trained_on_and_labels_say_what_is_false(folder):
    rows = [
        {"image_file": f"train/{frame:05x}_02_im.jpg", "caption": text}
        for frame, track, side in ((0x10, "abyss", "left"), (0x11, "minigolf", "right"))
        for text in (f"The track is {track}.", f"gnu is {side} of the ego car.", "There are 3 karts in the scene.")
    ]
    write_records(folder / "train" / "a_captions.json", [*rows, {**rows[0], "caption": "tux is the ego car."}])
    train = TuxChoiceReader().read(folder).train
    assert train.features["candidates"][np.arange(7), train.target].tolist()[:2] == [
        "The track is abyss.",
        "gnu is left of the ego car.",
    ]
    held = {
        "There are 3 karts in the scene.",
        "The track is abyss.",
        "gnu is left of the ego car.",
        "tux is the ego car.",
        "gnu is in front of the ego car.",
    }
    for row, place in zip(train.features["candidates"][:3], train.target, strict=False):
        assert not held & set(np.delete(row, place).tolist())


def test_captions_without_labels_are_contradicted_by_those_that_answer_the_same(folder):
    texts = [f"The track is {track}." for track in ("a", "b", "c", "d", "e")]
    rows = [{"image_file": f"train/00010_{view:02d}_im.jpg", "caption": text} for view, text in enumerate(texts * 2)]
    for row in rows[3:]:
        Image.new("RGB", (150, 100)).save(folder / row["image_file"])
    (folder / "train" / "00010_info.json").unlink()
    write_records(folder / "train" / "a_captions.json", rows)
    train = TuxChoiceReader().read(folder).train
    assert all(sorted(row.tolist()) == texts for row in train.features["candidates"])
    assert train.groups["karts"].tolist() == [-1] * 10


def test_a_truth_is_read_from_the_folder_or_its_file(folder):
    for reader, name in ((TuxQuestionReader(), "balanced_qa_pairs.json"), (TuxChoiceReader(), "all_mc_qas.json")):
        of_folder, of_file = reader.truth(folder), reader.truth(folder / "valid_grader" / name)
        assert of_folder.target.tolist() == of_file.target.tolist()
        assert of_folder.groups["karts"].tolist() == of_file.groups["karts"].tolist()
        assert "image" not in of_folder.features


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"track_name": "abyss"}, "has a key 'track_name', which no info file has"),
        ({"karts": ["tux"]}, "detections, view 1: a kart has the track id 1, and karts has 1 names"),
        (
            {"detections": [[], [[2, 0, 0, 0, 9, 9], [1, 0, 0, 0, 10]]]},
            "detections, view 1, detection 1: does not have the 6 numbers that are needed: class, track id, x1, y1, ",
        ),
        (
            {"detections": [[[1, 0, 0.5, 0, 10, 10]]]},
            "detections, view 0, detection 0, x1: is a number with a point, and a whole number is needed.",
        ),
        (
            {"detections": [[[1, 0, 2**70, 0, 10, 10]]]},
            "detections, view 0, detection 0, x1: is a number that no picture's pixel has.",
        ),
        ({"detections": [[[]]]}, "detections, view 0, detection 0: does not have the 6 numbers that are needed"),
        ({"detections": [[7]]}, "detections, view 0, detection 0: is a whole number, and a list is needed."),
        (
            {"detections": [[["1", 0, 0, 0, 10, 10]], [[1, 0, 0, 0, 10, "9"]]]},
            "detections, view 0, detection 0, class: is text, and a whole number is needed.",
        ),
        ({"karts": ["tux", None]}, "karts, kart 1: is nothing, and text is needed."),
        ({"velocity": [[0.0, 0.0]]}, "velocity, kart 0: does not have the 3 numbers that are needed."),
    ],
)
def test_a_wrong_info_file_is_one_sentence_that_names_file_and_place(tmp_path, content, problem):
    path = write_frame(tmp_path, 1, **content) if "detections" not in content else tmp_path / "00001_info.json"
    if "detections" in content:
        path.write_text(json.dumps({**info([]), **content}))
    with pytest.raises(DataError) as error:
        label_files([path])
    assert error.value.problem.startswith(f"{path}")
    assert problem in error.value.problem
    assert error.value.help


def test_a_number_that_is_none_is_read_where_no_rule_looks(tmp_path):
    path = write_frame(tmp_path, 1, velocity=[[float("nan")] * 3])
    assert np.isnan(read_info(path).velocity[0]).all()
    assert label_files([path]).counts.tolist() == [1, 2, 3]


def test_a_missing_key_and_no_json_are_told(tmp_path):
    content = info([[NEAR]])
    content["kart_names"] = content.pop("karts")
    path = tmp_path / "00001_info.json"
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"'karts'|'kart_names'"):
        read_info(path)
    path.write_text("[1, 2]")
    with pytest.raises(DataError, match=r"00001_info.json: is a list, and a mapping is needed"):
        read_info(path)
    path.write_text(json.dumps(info([[NEAR]]))[:-9])
    with pytest.raises(DataError, match=r"00001_info.json: .*JSON"):
        read_info(path)
    with pytest.raises(DamagedError, match=r"there is no such file"):
        read_info(tmp_path / "00002_info.json")


def test_odd_labels_are_read_and_told(folder):
    write_frame(folder / "train", 0x12, ([NEAR, [9, 0, 0, 0, 9, 9]], [], [[1, 0, -9, 100, 620, 300]]), "fort")
    about = TuxQuestionReader(generate=ALL).read(folder).about
    assert "boxes of an unknown class 9, such as in 00012, view 0, are read as no kart" in about
    assert "1 boxes of karts reach out of 600 x 400 pixels, such as in 00012, view 2" in about
    assert "1 of 9 views have no kart, and nothing is asked about them" in about


@pytest.mark.parametrize("reader", [TuxQuestionReader, TuxChoiceReader])
def test_a_missing_picture_is_named(folder, reader):
    (folder / "valid" / "0001f_02_im.jpg").unlink()
    with pytest.raises(DataError, match=r"valid/0001f_02_im.jpg: there is no such picture"):
        reader().read(folder)


def test_a_picture_of_another_size_is_refused(folder):
    Image.new("RGB", (300, 200)).save(folder / "valid" / "0001f_02_im.jpg")
    with pytest.raises(DataError, match=r"0001f_02_im.jpg"):
        TuxQuestionReader().read(folder)


def test_questions_of_no_family_are_read_and_counted(folder):
    rows = [{"question": "Is it raining?", "answer": "no", "image_file": "valid/0001f_00_im.jpg"}]
    write_records(folder / "valid_grader" / "balanced_qa_pairs.json", rows)
    data = TuxQuestionReader().read(folder)
    assert data.test.groups["family"].tolist() == [-1]
    assert "1 questions of none of the families ego, count, track, relative, counting" in data.about
    assert "'Is it raining?'" in data.about


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"candidates": ["a", "b"]}, "row 1, candidates: has 2, and a choice is of 5"),
        ({"correct_index": 5}, "row 1, correct_index: 5 is no place of 5"),
        ({"correct_index": None}, "row 1: there is no correct_index"),
        ({"image_file": "0001f_00_im.jpg"}, "row 1: '0001f_00_im.jpg' is no picture's path"),
        ({"candidates": "a"}, "row 1, candidates: Input should be a valid"),
    ],
)
def test_wrong_choices_are_named_by_row(folder, change, problem):
    path = folder / "valid_grader" / "all_mc_qas.json"
    rows = json.loads(path.read_text())
    write_records(path, [{**rows[0], **change}, *rows[1:]])
    with pytest.raises(DataError) as error:
        TuxChoiceReader().read(folder)
    assert problem in str(error.value)


def test_a_secret_test_has_no_truth(folder):
    path = folder / "valid_grader" / "balanced_qa_pairs.json"
    rows = json.loads(path.read_text())
    write_records(path, [{key: row[key] for key in ("question", "image_file")} for row in rows])
    assert TuxQuestionReader().read(folder).truth is None
    with pytest.raises(DataError, match=r"balanced_qa_pairs.json: there is no answer\."):
        TuxQuestionReader().truth(folder)
    write_records(path, [*rows[:2], {key: rows[2][key] for key in ("question", "image_file")}])
    with pytest.raises(DataError, match=r"row 3: there is no answer"):
        TuxQuestionReader().read(folder)


def test_a_caption_of_another_form_is_refused(folder):
    said = {"image_file": "train/00010_00_im.jpg", "caption": "There are 1 karts in the scenario."}
    write_records(folder / "train" / "a_captions.json", [said])
    with pytest.raises(DataError, match=r"row 1: 'There are 1 karts in the scenario.' is no caption of the graded"):
        TuxChoiceReader().read(folder)


def test_the_folders_parts_are_described(folder):
    items = TuxQuestionReader().describe(folder)
    assert [(item.item, item.path is not None) for item in items] == [
        ("train", True), ("valid", True), ("valid_grader/balanced_qa_pairs.json", True)
    ]  # fmt: skip
    assert items[0].detail == "2 frames, 6 pictures"
