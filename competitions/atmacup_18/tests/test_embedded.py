"""What the embedded data promises: drives in a game in the competition's own layout, small, the same everywhere."""

from __future__ import annotations

import csv
import hashlib
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ctk_atmacup_18 import embedded
from ctk_atmacup_18.game.drive import SEEN, UNSEEN
from ctk_atmacup_18.game.record import DECISECONDS
from ctk_atmacup_18.game.scenes import TARGETS


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    embedded.unpack(folder)
    return folder


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def train(place) -> list[dict[str, str]]:
    return rows_of(place / "train_features.csv")


@pytest.fixture(scope="module")
def test_rows(place) -> list[dict[str, str]]:
    return rows_of(place / "test_features.csv")


def test_it_has_the_competitions_columns_and_enough_rows(train, test_rows, place):
    features = (
        "ID,vEgo,aEgo,steeringAngleDeg,steeringTorque,brake,brakePressed,gas,gasPressed,gearShifter,"
        "leftBlinker,rightBlinker"
    )
    assert ",".join(train[0]) == ",".join([features, *TARGETS])
    assert ",".join(test_rows[0]) == features
    assert len(train) >= 1500
    assert len(test_rows) >= 300
    sample = rows_of(place / "atmaCup18__sample_submit.csv")
    assert (list(sample[0]), len(sample)) == (list(TARGETS), len(test_rows))


def test_the_truth_of_the_test_is_in_the_tests_order(test_rows, place):
    truth = rows_of(place / "test_truth.csv")
    assert [row["ID"] for row in truth] == [row["ID"] for row in test_rows]
    assert list(truth[0]) == ["ID", *TARGETS]


def test_scenes_are_whole_on_one_side_and_have_one_to_six_rows_ten_seconds_apart(train, test_rows):
    scenes = []
    for rows in (train, test_rows):
        moments: dict[str, list[int]] = {}
        for row in rows:
            scene, decisecond = row["ID"].rsplit("_", 1)
            assert len(scene) == 32
            moments.setdefault(scene, []).append(int(decisecond))
        assert all(set(times) <= set(DECISECONDS) and len(set(times)) == len(times) for times in moments.values())
        assert {len(times) for times in moments.values()} == {1, 2, 3, 4, 5, 6}
        scenes.append(set(moments))
    assert not scenes[0] & scenes[1]


def test_every_row_has_three_pictures_of_its_own_and_a_list_of_lights(train, test_rows, place):
    seen = set()
    for row in (*train, *test_rows):
        for name in embedded.FRAMES:
            with Image.open(place / "images" / row["ID"] / name) as picture:
                assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (128, 64))
        seen.add(hashlib.sha256((place / "images" / row["ID"] / "image_t.png").read_bytes()).hexdigest())
        assert json.loads((place / "traffic_lights" / f"{row['ID']}.json").read_text()) == []
    assert len(seen) == len(train) + len(test_rows)


def test_the_car_goes_where_it_steers(train):
    """Right and left are the same for the path, the wheel and the force to the side."""
    curve = np.array([float(row["y_1"]) for row in train])  # a second on
    for name in ("steeringAngleDeg", "steeringTorque"):
        assert np.corrcoef(curve, [float(row[name]) for row in train])[0, 1] > 0.3


def test_the_speed_is_that_of_the_path(train):
    speed, first = (np.array([float(row[name]) for row in train]) for name in ("vEgo", "x_0"))
    assert np.median(np.abs(first - speed / 2)) < 0.3  # metres after half a second


def test_unpacking_again_gives_the_same_bytes_over_what_a_killed_process_left(place, tmp_path, train):
    (tmp_path / "images" / train[0]["ID"]).mkdir(parents=True)
    (tmp_path / "images" / train[0]["ID"] / "image_t.png").write_bytes(b"half a pict")
    calls = []
    embedded.unpack(tmp_path, lambda what, done, total: calls.append((done, total)))
    files = sorted(path.relative_to(place) for path in place.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert all((place / name).read_bytes() == (tmp_path / name).read_bytes() for name in files[:: len(files) // 500])
    assert (tmp_path / "images" / train[0]["ID"] / "image_t.png").stat().st_size > 1000
    total = len(list((place / "images").iterdir()))
    assert calls == [(done, total) for done in range(1, total + 1)]


def test_it_is_small_and_says_whose_work_it_is_and_that_it_is_a_game():
    folder = embedded.PACKED.parent
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 20e6
    notice = (folder / "NOTICE.md").read_text(encoding="utf-8")
    assert "a game" in notice
    assert "CC-BY-SA" in notice
    licences = (folder / "licences.txt").read_text(encoding="utf-8")
    for track in (*SEEN, *UNSEEN):
        assert f"data/tracks/{track}/" in licences
        assert f"`{track}`" in notice


def test_nothing_in_the_archive_leads_out_of_its_folder():
    with zipfile.ZipFile(embedded.PACKED) as archive:
        assert not [name for name in archive.namelist() if name.startswith("/") or ".." in name]
