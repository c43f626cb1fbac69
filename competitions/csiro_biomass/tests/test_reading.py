"""Five rows become one image; pictures are decoded once, at the size that is asked for."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from ctk.data import picture_decoding
from ctk.samples import Data
from ctk_csiro_biomass import layout
from ctk_csiro_biomass.columns import TARGETS
from ctk_csiro_biomass.reading.reader import CSIROBiomassReader

# Is killed when it has told its progress so many times; commits after each block of three rows.
KILLED = """
import os, signal, sys
from pathlib import Path
from ctk.data import picture_rows
from ctk_csiro_biomass.reading.reader import CSIROBiomassReader
picture_rows.LARGE, picture_rows.COMMIT = 3, 0
left = int(sys.argv[3])
def progress(what, done, total):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
CSIROBiomassReader(size=(20, 40)).prepare(Path(sys.argv[1]), Path(sys.argv[2]), progress)
"""


@pytest.fixture
def decoded(monkeypatch):
    """The names of the pictures that are decoded."""
    names = []
    fill = picture_decoding.Decoders.fill

    def noted(self, block, pictures):
        names.extend(path.split("/")[-1] for _, path in pictures)
        fill(self, block, pictures)

    monkeypatch.setattr(picture_decoding.Decoders, "fill", noted)
    return names


def same(one: Data, other: Data):
    for part in ("train", "test", "truth"):
        ours, theirs = (dict(getattr(data, part)._arrays()) for data in (one, other))
        assert ours.keys() == theirs.keys()
        for name, values in ours.items():
            np.testing.assert_array_equal(values, theirs[name], err_msg=name)


def test_five_rows_in_any_order_are_one_image_with_named_targets(once_data, prepared):
    samples = prepared(once_data).train
    table = pd.read_csv(once_data / "train.csv")
    table["image"] = table["sample_id"].str.split("__").str[0]
    assert samples.ids.tolist() == table["image"].drop_duplicates().tolist()
    wide = table.pivot(index="image", columns="target_name", values="target").loc[samples.ids, list(TARGETS)]
    np.testing.assert_array_equal(samples.target, wide.to_numpy(np.float32))
    assert samples.targets.names.tolist() == list(TARGETS)
    first = table.drop_duplicates("image")
    np.testing.assert_array_equal(samples.features["ndvi"], first["Pre_GSHH_NDVI"].to_numpy(np.float32))
    np.testing.assert_array_equal(samples.features["height"], first["Height_Ave_cm"].to_numpy(np.float32))
    assert samples.features["state"].tolist() == first["State"].tolist()
    dates = pd.to_datetime(first["Sampling_Date"]).dt.strftime("%Y-%m-%d").tolist()
    assert samples.features["date"].tolist() == dates
    for name in ("date", "state"):
        pairs = set(zip(samples.features[name].tolist(), samples.group(name).tolist(), strict=True))
        assert len(pairs) == len(set(samples.features[name])) == len(set(samples.group(name)))


def test_a_test_knows_nothing_but_its_pictures_and_has_the_samples_order(data, prepared):
    sample = pd.read_csv(data / "sample_submission.csv").sample(frac=1, random_state=3)
    sample.to_csv(data / "sample_submission.csv", index=False)
    read = prepared(data)
    order = sample["sample_id"].str.split("__").str[0].drop_duplicates()
    assert read.test.ids.tolist() == read.truth.ids.tolist() == order.tolist()
    assert read.test.constants["submission"].tolist() == sample["sample_id"].tolist()
    assert np.isnan(read.test.features["ndvi"]).all()
    assert set(read.test.features["date"]) == {""}
    assert read.test.target is None
    truth = pd.read_csv(data / "test_truth.csv").set_index("sample_id")["target"]
    assert read.truth.target[2, 3] == np.float32(truth[f"{order.iloc[2]}__GDM_g"])
    assert "test.csv has no Pre_GSHH_NDVI, Height_Ave_cm, State, Species, Sampling_Date: training means" in read.about


def test_pictures_are_as_pillow_decodes_and_resizes_them_but_for_the_drafts_rounding(data, prepared):
    for path in data.glob("*/*.jpg"):
        Image.open(path).resize((8, 4)).resize((1000, 500), Image.Resampling.BICUBIC).save(path, quality=95)
    for size, most in (((500, 1000), 0), ((125, 250), 3), ((100, 180), 3)):
        found = prepared(data, f"{size}", size=size).train
        whole = Image.open(data / "train" / f"{found.ids[5]}.jpg")
        peer = np.asarray(whole.resize(size[::-1], Image.Resampling.BICUBIC)).astype(int)
        assert np.abs(found.features["image"][5] - peer).max() <= most


@pytest.mark.parametrize("layout", ["train_images", "path without folder"])
def test_pictures_may_lie_in_folders_of_the_other_name(layout, data, prepared):
    before = prepared(data)
    if layout == "train_images":
        (data / "train").rename(data / "train_images")
        (data / "test").rename(data / "test_images")
    else:
        table = pd.read_csv(data / "train.csv")
        table.assign(image_path=table["image_path"].str.split("/").str[1]).to_csv(data / "train.csv", index=False)
    same(before, prepared(data, "two"))


def test_columns_may_be_called_otherwise(data, prepared):
    before = prepared(data)
    for name in ("train", "test"):
        table = pd.read_csv(data / f"{name}.csv")
        called = {"sample_id": "row", "image_path": "file", "target_name": "what", "target": "grams", "State": "where"}
        table.rename(columns=called).to_csv(data / f"{name}.csv", index=False)
    options = {
        "id_column": "row", "image_column": "file", "target_name_column": "what", "target_value_column": "grams",
        "metadata_columns": {"state": "where"},
    }  # fmt: skip
    same(before, prepared(data, "two", **options))


def test_after_one_picture_changed_only_that_one_is_decoded(data, prepared, decoded):
    before = prepared(data)
    decoded.clear()
    id = before.train.ids[7]
    reader, stamp = CSIROBiomassReader(), CSIROBiomassReader().stamp(data / "train")
    Image.new("RGB", (200, 100), "red").save(data / "train" / f"{id}.jpg", quality=95)
    assert reader.stamp(data / "train") != stamp
    after = prepared(data, "two")
    assert decoded == [f"{id}.jpg"]
    others = np.arange(len(before.train)) != 7
    np.testing.assert_array_equal(after.train.features["image"][others], before.train.features["image"][others])
    assert (after.train.features["image"][7] > [250, -1, -1]).all()
    decoded.clear()
    prepared(data, "larger", size=(25, 50))
    assert len(decoded) == 30


@pytest.mark.parametrize("kill_at", [3, 7])
def test_a_killed_preparation_goes_on_and_ends_with_the_same_bytes(kill_at, once_data, prepared, tmp_path, decoded):
    place = tmp_path / "prepared" / "killed"
    place.mkdir(parents=True)
    command = [sys.executable, "-c", KILLED, once_data, place, str(kill_at)]
    assert subprocess.run(command, check=False).returncode == -9
    again = prepared(once_data, "killed")
    assert len(decoded) <= 30 - 3 * (kill_at - 1)
    (tmp_path / "prepared").rename(tmp_path / "elsewhere")  # nothing can be taken over from it
    whole = prepared(once_data, "whole")
    same(again, whole)


def test_processes_decode_the_same(once_data, prepared, monkeypatch):
    here = prepared(once_data)
    monkeypatch.setattr(picture_decoding, "FEW_LARGE", 0)
    monkeypatch.setattr("ctk_csiro_biomass.reading.preparing.earlier_parts", lambda place: [])
    same(here, prepared(once_data, "processes"))


def test_what_is_written_as_data_is_read_as_the_same_samples(once_data, prepared, tmp_path):
    one = prepared(once_data)
    layout.write(tmp_path / "written", one.train, one.test)
    two = prepared(tmp_path / "written", "two")
    for samples, again in ((one.train, two.train), (one.test, two.test)):
        assert samples.ids.tolist() == again.ids.tolist()
        for name, values in samples.features.items():
            np.testing.assert_array_equal(values, again.features[name], err_msg=name)
    np.testing.assert_array_equal(one.train.target, two.train.target)
    assert one.test.constants["submission"].tolist() == two.test.constants["submission"].tolist()


def test_without_a_training_table_there_is_still_something_to_predict(data, tmp_path):
    (data / "train.csv").unlink()
    assert CSIROBiomassReader(size=(20, 40)).prepare_test(data, tmp_path, lambda what, done, total: None) == 5
    read = Data.open(tmp_path, data, None)
    assert (len(read.train), len(read.test), read.train.target_width) == (0, 6, 5)


def test_progress_says_what_is_done_and_ends(once_data, tmp_path):
    told = []
    CSIROBiomassReader(size=(20, 40)).prepare(once_data, tmp_path, lambda *call: told.append(call))
    assert {what for what, _, _ in told} == {"decoding pictures"}
    assert told[-1][1:] == (30, 30)
