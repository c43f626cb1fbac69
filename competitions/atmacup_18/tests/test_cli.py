"""The command line, end to end, on a small folder made here."""

import json
import shutil
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd

import ctk_atmacup_18
from ctk_atmacup_18 import default_data
from ctk_atmacup_18.columns import TARGETS
from ctk_atmacup_18.competition import AtmaCup18
from ctk_atmacup_18.reading.reader import AtmaCup18Reader


def test_a_run_ends_in_a_submission_in_the_tests_order(finished, once_data, ctk):
    table = pd.read_csv(finished / "submission.csv")
    test = pd.read_csv(once_data / "test_features.csv")
    assert table.columns.tolist() == list(TARGETS)
    assert len(table) == len(test)
    assert np.corrcoef(table["x_5"], test["vEgo"])[0, 1] > 0.95
    assert "valid" in ctk("validate", "atmacup-18", finished / "submission.csv", "--data", once_data, code=0).stdout


def test_a_score_goes_by_the_tests_order_not_the_truths(finished, once_data, ctk):
    answer = ctk(
        "score", "atmacup-18", finished / "submission.csv", "--truth", once_data / "test_truth.csv", "--json", code=0
    )
    said = json.loads((finished / "scores.json").read_text())["test"]
    assert np.isclose(json.loads(answer.stdout)["mae"], said["mae"])
    assert {"mae_x", "mae_0.5s", "mae_3.0s", "mae_rows_1-2", "mae_rows_3-6"} <= said.keys()


def test_small_frames_in_folders_of_scenes_go_the_whole_way(made, ctk, tmp_path):
    folder = made(size=(32, 64), layout="scene", scenes=8)
    config = {"split": {"folds": 2, "use": 1}, "features": {"scene": "scene-table"}, "blend": "mean"}
    model = {"name": "ridge", "features": ["vEgo", "scene/distance", "scene/path"]}
    (tmp_path / "small.yaml").write_text(json.dumps({**config, "members": [{"model": model}]}))
    run = ("run", "atmacup-18", "--data", folder, "--config", "small.yaml", "-o", "executor.name=serial")
    assert "three frames of 64 x 32 a row" in ctk(*run, code=0).stdout
    (done,) = (tmp_path / "runs" / "atmacup-18").iterdir()
    assert len(pd.read_csv(done / "submission.csv")) == len(pd.read_csv(folder / "test_features.csv"))


def test_the_default_data_is_dated_by_what_it_was_unpacked_from(monkeypatch, tmp_path, once_data):
    """Unpacked again elsewhere, it is the same data."""
    packed = tmp_path / "packed"
    packed.mkdir()
    (packed / "drives.zip").write_bytes(b"one")
    unpack = SimpleNamespace(unpack=lambda place, progress: shutil.copytree(once_data, place, dirs_exist_ok=True))
    monkeypatch.setitem(sys.modules, "ctk_atmacup_18.embedded", unpack)
    monkeypatch.setattr(ctk_atmacup_18, "embedded", unpack, raising=False)
    monkeypatch.setattr(default_data, "PACKED", packed)
    stamps = []
    for cache, content in (("one", b"one"), ("two", b"one"), ("three", b"two")):
        monkeypatch.setenv("CTK_CACHE", str(tmp_path / cache))
        (packed / "drives.zip").write_bytes(content)
        folder = AtmaCup18().default_data()
        stamps.append(AtmaCup18Reader().stamp(folder / "images"))
    assert stamps[0] == stamps[1] != stamps[2]
