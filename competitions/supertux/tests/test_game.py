"""How the embedded frames were made: boxes by projection, hidden karts by depth, and the archive that comes of it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from ctk.errors import DataError
from ctk_supertux import default_data
from ctk_supertux.game import pack
from ctk_supertux.game.boxes import GROUND, Kart, box, distance, to_kart
from ctk_supertux.game.drive import FRAMES, TRACKS, races
from ctk_supertux.labels import label_files, list_infos

FOCAL = 2.0
NEAR, FAR = 1.0, 1000.0
PROJECTION = np.array(
    [
        [FOCAL / 1.5, 0, 0, 0],
        [0, FOCAL, 0, 0],
        [0, 0, (FAR + NEAR) / (FAR - NEAR), -2 * FAR * NEAR / (FAR - NEAR)],
        [0, 0, 1, 0],
    ]
)
"""Of 600 x 400 pixels; depths from -1 at 1 m to 1 at 1,000 m, as OpenGL has them."""


def depth_of(metres: float) -> float:
    a, b = PROJECTION[2, 2:]
    return ((a * metres + b) / metres + 1) / 2


def seen(metres: float) -> np.ndarray:
    return np.full((400, 600), depth_of(metres))


def test_depth_becomes_metres():
    assert distance(np.array([0.0, 1.0, depth_of(7.5)]), PROJECTION) == pytest.approx([1, 1000, 7.5], rel=1e-6)


def test_a_box_is_that_of_the_eight_corners():
    kart = Kart(np.array([0.0, -1.0 - GROUND, 10.0]), np.array([1.0, 0, 0, 0]), np.array([2.0, 1.0, 4.0]))
    found = box(kart, PROJECTION, np.eye(4), seen(8.0))
    near, far = 10 - 2, 10 + 2  # the back is larger in the picture, the front higher
    wide, high = FOCAL / 1.5 * 300 / near, FOCAL * 200
    assert found == [round(300 - wide), round(200 + 0 * high / far), round(300 + wide), round(200 + high / near)]


def test_a_turned_kart_is_seen_from_its_side():
    quarter = np.array([np.sqrt(0.5), 0, np.sqrt(0.5), 0])
    ahead = Kart(np.array([0.0, 0.0, 10.0]), np.array([1.0, 0, 0, 0]), np.array([1.0, 1.0, 4.0]))
    turned = Kart(ahead.place, quarter, ahead.size)
    straight, across = (box(each, PROJECTION, np.eye(4), seen(9.8)) for each in (ahead, turned))
    assert straight
    assert across
    assert across[2] - across[0] == pytest.approx(4 * FOCAL / 1.5 * 300 / 9.5, abs=1.5)
    assert straight[2] - straight[0] == pytest.approx(1 * FOCAL / 1.5 * 300 / 8, abs=1.5)
    assert to_kart(quarter) @ to_kart(quarter).T == pytest.approx(np.eye(3))


def test_what_is_hidden_behind_or_beside_the_picture_has_no_box():
    kart = Kart(np.array([0.0, 0.0, 10.0]), np.array([1.0, 0, 0, 0]), np.array([1.0, 1.0, 2.0]))
    assert box(kart, PROJECTION, np.eye(4), seen(4.0)) is None  # a wall before it
    assert box(kart, PROJECTION, np.eye(4), seen(10.0)) is not None
    for place in ((0, 0, -10), (0, 0, 0.5), (100, 0, 10)):  # behind the camera, around it, beside the picture
        assert box(Kart(np.array(place, float), kart.rotation, kart.size), PROJECTION, np.eye(4), seen(10.0)) is None
    half = seen(4.0)
    half[:, 300:] = depth_of(10.0)
    assert box(kart, PROJECTION, np.eye(4), half) is not None  # its half shows


def test_every_track_is_driven_in_every_round_and_no_frame_twice():
    planned = races(3)
    assert len(planned) == 4 * len(TRACKS)
    for part in ("train", "valid"):
        frames = [number * FRAMES["train"] + i for of, _, number in planned for i in range(FRAMES[part]) if of == part]
        assert len(frames) == len(set(frames))
    assert {track for part, track, _ in planned if part == "valid"} == set(TRACKS)


def test_the_archive_is_the_homeworks_layout(tmp_path, monkeypatch):
    karts = [f"kart{number}" for number in range(10)]
    for part, frames in (("train", 3), ("valid", 4)):
        (tmp_path / part).mkdir()
        for frame in range(frames):
            boxes = [[[1, view, 200, 200, 400, 390], [1, (view + 1) % 10, 20, 180, 90, 260]] for view in range(10)]
            info = {"track": "abyss", "karts": karts, "detections": boxes}
            info |= {"distance_down_track": [0.0] * 10, "velocity": [[0.0] * 3] * 10}
            (tmp_path / part / f"{frame:05x}_info.json").write_text(json.dumps(info))
            for view in range(10):
                Image.new("RGB", (150, 100)).save(tmp_path / part / f"{frame:05x}_{view:02d}_im.jpg")
    archives = [tmp_path / "packed" / name for name in ("frames.zip", "again.zip")]
    archives[0].parent.mkdir()
    for archive in archives:
        monkeypatch.setattr("sys.argv", ["pack", str(tmp_path), str(archive), "--train", "2"])
        pack.main()
    assert archives[0].read_bytes() == archives[1].read_bytes()
    archives[1].unlink()
    monkeypatch.setattr(default_data, "PACKED", archives[0].parent)
    monkeypatch.setenv("CTK_CACHE", str(tmp_path / "cache"))
    folder = default_data.folder()
    assert len(list_infos(folder / "train")) == 2  # as many as were asked for
    assert len(list((folder / "valid").glob("*_im.jpg"))) == 40
    asked = json.loads((folder / "valid_grader" / "balanced_qa_pairs.json").read_text())
    assert all((folder / row["image_file"]).exists() for row in asked)
    assert {"What kart is the ego car?", "What track is this?"} <= {row["question"] for row in asked}
    assert len(json.loads((folder / "train_demo" / "balanced_qa_pairs.json").read_text())) == 5


def test_the_embedded_frames_are_of_many_tracks_and_show_several_karts():
    folder = default_data.folder()
    for part, frames, tracks in (("train", 200, 11), ("valid", 30, 11)):
        infos = list_infos(folder / part)
        views = label_files(infos)
        assert len(infos) >= frames
        assert len(set(views.tracks.tolist())) >= tracks
        assert len(views) == 10 * len(infos)
        assert not views.notes or all("no kart" in note for note in views.notes)
        assert 0.3 < np.mean(views.counts == 1) < 0.8  # the homework's: 0.6
        assert np.mean(views.counts == 0) < 0.02
    assert len(json.loads((folder / "valid_grader" / "balanced_qa_pairs.json").read_text())) == 120
    assert len(json.loads((folder / "valid_grader" / "all_mc_qas.json").read_text())) == 200
    with pytest.raises(DataError):
        list_infos(folder / "valid_grader")
    archive = default_data.PACKED / default_data.ARCHIVE
    assert archive.stat().st_size < 15e6
