"""Either layout of pictures becomes the same samples; what was decoded once is not decoded again."""

import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from ctk.data import picture_decoding as decoding
from ctk.samples import Data
from ctk_atmacup_18 import layout
from ctk_atmacup_18.columns import FRAMES, LIGHTS, TARGETS
from ctk_atmacup_18.reading.reader import AtmaCup18Reader

# Is killed when it has told its progress so many times; commits after each block of five rows.
KILLED = """
import os, signal, sys
from pathlib import Path
from ctk.data import picture_rows
from ctk_atmacup_18.reading.reader import AtmaCup18Reader
picture_rows.ROWS, picture_rows.COMMIT = 5, 0
left = int(sys.argv[3])
def progress(what, done, total):
    global left
    left -= what == "decoding pictures"
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
AtmaCup18Reader().prepare(Path(sys.argv[1]), Path(sys.argv[2]), progress)
"""


@pytest.fixture
def decoded(monkeypatch):
    """The names of the pictures that are decoded, but for the one whose size is looked at."""
    names = []
    fill = decoding.Decoders.fill

    def noted(self, block, pictures):
        names.extend("/".join(path.split("/")[-2:]) for _, path in pictures)
        fill(self, block, pictures)

    monkeypatch.setattr(decoding.Decoders, "fill", noted)
    return names


def same(one: Data, other: Data):
    for part in ("train", "test", "truth"):
        ours, theirs = (dict(getattr(data, part)._arrays()) for data in (one, other))
        assert ours.keys() == theirs.keys()
        for name, values in ours.items():
            np.testing.assert_array_equal(values, theirs[name], err_msg=name)


def test_rows_keep_the_files_order_and_values(once_data, prepared):
    data = prepared(once_data)
    for samples, name in ((data.train, "train_features.csv"), (data.test, "test_features.csv")):
        table = pd.read_csv(once_data / name)
        assert samples.ids.tolist() == table["ID"].tolist()
        np.testing.assert_array_equal(samples.features["vEgo"], table["vEgo"].to_numpy(np.float32))
        np.testing.assert_array_equal(samples.features["leftBlinker"], table["leftBlinker"].to_numpy(np.float32))
        assert samples.features["gearShifter"].tolist() == table["gearShifter"].tolist()
        scene, time = table["ID"].str.split("_").str[0], table["ID"].str.split("_").str[1]
        np.testing.assert_array_equal(samples.group("time"), time.astype(int))
        np.testing.assert_array_equal(samples.group("scene-rows"), scene.map(scene.value_counts()))
        picture = Image.open(once_data / "images" / samples.ids[3] / FRAMES[0])
        np.testing.assert_array_equal(samples.features["frames"][3, 0], np.asarray(picture))
    table = pd.read_csv(once_data / "train_features.csv")
    np.testing.assert_array_equal(data.train.target, table[list(TARGETS)].astype(np.float32))
    truth = pd.read_csv(once_data / "test_truth.csv", index_col="ID").loc[data.test.ids]
    np.testing.assert_array_equal(data.truth.target, truth.astype(np.float32))
    assert data.test.target is None
    assert set(data.train.group("scene")).isdisjoint(data.test.group("scene"))


def test_lights_are_classes_and_boxes(data, prepared):
    id = pd.read_csv(data / "train_features.csv")["ID"][2]
    (data / "traffic_lights" / f"{id}.json").write_text('[{"index": 1, "class": "red", "bbox": [5, 6.5, 7, 9]}]')
    lights = prepared(data).train.features["lights"]
    np.testing.assert_array_equal(lights[2, 0], [LIGHTS.index("red"), 5, 6.5, 7, 9])
    assert np.isnan(lights[2, 1:]).all()


def test_both_layouts_of_pictures_are_the_same_samples(data, prepared):
    one = prepared(data)
    for place in list((data / "images").iterdir()):
        scene, time = place.name.split("_")
        (data / "images" / scene).mkdir(exist_ok=True)
        place.rename(data / "images" / scene / time)
    same(one, prepared(data, "two"))


def test_a_sample_submission_beside_the_folder_decides_the_order_of_columns(data, prepared):
    sample = data / "atmaCup18__sample_submit.csv"
    pd.read_csv(sample)[list(TARGETS[::-1])].to_csv(data.parent / sample.name, index=False)
    sample.unlink()
    assert prepared(data).test.constants["submission"].tolist() == list(TARGETS[::-1])


def test_frames_of_another_size_have_a_camera_of_their_own(made, prepared):
    samples = prepared(made(size=(32, 64), layout="scene", scenes=4)).train
    assert samples.features["frames"].shape == (10, 3, 32, 64, 3)
    np.testing.assert_allclose(samples.constants["camera"], [113.08219178, 112.411764705, 31.81213307, 5.88, 1.22])


def test_after_one_picture_changed_only_that_rows_pictures_are_decoded(data, prepared, decoded):
    before = prepared(data)
    reader = AtmaCup18Reader()
    stamp = reader.stamp(data / "images")
    decoded.clear()
    id = before.train.ids[7]
    Image.new("RGB", (128, 64), "red").save(data / "images" / id / "image_t.png")
    assert AtmaCup18Reader().stamp(data / "images") != stamp == reader.stamp(data / "images")
    after = prepared(data, "two")
    assert decoded == [f"{id}/{name}" for name in FRAMES]
    assert (after.train.features["frames"][7, 2] == [255, 0, 0]).all()
    others = np.arange(len(before.train)) != 7
    np.testing.assert_array_equal(after.train.features["frames"][others], before.train.features["frames"][others])
    np.testing.assert_array_equal(after.test.features["frames"], before.test.features["frames"])


def test_another_table_takes_over_the_frames_of_its_rows(data, prepared, decoded):
    before = prepared(data)
    decoded.clear()
    table = pd.read_csv(data / "train_features.csv", dtype=str)
    table.iloc[::-2].to_csv(data / "train_features.csv", index=False)
    after = prepared(data, "two")
    assert decoded == []
    np.testing.assert_array_equal(after.train.features["frames"], before.train.features["frames"][::-2])


@pytest.mark.parametrize("kill_at", [3, 10])
def test_a_killed_preparation_goes_on_and_ends_with_the_same_bytes(kill_at, once_data, prepared, tmp_path, decoded):
    whole = prepared(once_data, "whole")
    shutil.move(tmp_path / "prepared" / "whole", tmp_path / "whole")  # nothing can be taken over from it
    place = tmp_path / "prepared" / "killed"
    place.mkdir()
    command = [sys.executable, "-c", KILLED, once_data, place, str(kill_at)]
    assert subprocess.run(command, check=False).returncode == -9
    decoded.clear()
    again = prepared(once_data, "killed")
    assert len(decoded) < 3 * (len(whole.train) + len(whole.test)) - 3 * 5 * (kill_at - 2)
    same(again, Data.open(tmp_path / "whole", once_data, None))


def test_processes_decode_the_same_and_one_that_dies_is_done_without(once_data, prepared, monkeypatch):
    here = prepared(once_data)
    monkeypatch.setattr(decoding, "FEW", 0)
    monkeypatch.setattr("ctk_atmacup_18.reading.preparing.earlier_parts", lambda place: [])
    same(here, prepared(once_data, "processes"))
    monkeypatch.setattr(decoding, "DECODER", ("false",))
    same(here, prepared(once_data, "none"))


def test_a_picture_with_a_palette_or_see_through_becomes_rgb(data, prepared, monkeypatch):
    monkeypatch.setattr(decoding, "FEW", 0)
    id = pd.read_csv(data / "train_features.csv")["ID"][0]
    Image.new("RGBA", (128, 64), (255, 0, 0, 0)).save(data / "images" / id / FRAMES[0])
    Image.new("P", (128, 64), 0).save(data / "images" / id / FRAMES[1])
    frames = prepared(data).train.features["frames"][0]
    assert (frames[0] == 255).all()
    assert (frames[1] == 0).all()


def test_what_is_written_as_data_is_read_as_the_same_samples(once_data, prepared, tmp_path):
    one = prepared(once_data)
    layout.write(tmp_path / "written", one.train, one.test)
    two = prepared(tmp_path / "written", "two")
    for samples, again in ((one.train, two.train), (one.test, two.test)):
        for name, values in samples.features.items():
            np.testing.assert_array_equal(values, again.features[name], err_msg=name)
        np.testing.assert_allclose(again.constants["camera"], samples.constants["camera"])
    np.testing.assert_array_equal(one.train.target, two.train.target)


def test_without_a_training_table_there_is_still_something_to_predict(data, tmp_path):
    (data / "train_features.csv").unlink()
    place = tmp_path / "place"
    place.mkdir()
    assert AtmaCup18Reader().prepare_test(data, place, lambda what, done, total: None) == 18
    assert len(Data.open(place, data, None).train) == 0


def test_progress_says_what_is_done_and_ends(once_data, tmp_path):
    told = []
    AtmaCup18Reader().prepare(once_data, tmp_path, lambda *call: told.append(call))
    assert {what for what, _, _ in told} == {"reading traffic_lights", "decoding pictures"}
    assert all(0 <= done <= total for _, done, total in told)
    assert told[-1][1] == told[-1][2] == len(list((once_data / "images").iterdir()))
