"""A finished run of a competition in one file, made once; packed for an image that has this environment's libraries."""

import shutil
import sys
from importlib.metadata import distributions
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ctk import api
from ctk.testing.distributions import find_anew

SERIAL = ("executor={name: serial, threads: 1}", "trackers=[]")
OURS = ("competition-toolkit", "ctk-")


def _write_tables(folder, seed, train=True):
    folder.mkdir()
    random = np.random.default_rng(seed)
    for name, rows in (("train", 60), ("test", 20)):
        x = random.standard_normal((rows, 4))
        table = pd.DataFrame(x, columns=[f"x{n}" for n in range(4)])
        table.insert(0, "id", np.arange(rows) + 1000 * seed)
        if name == "train":
            table["y0"], table["y1"] = x @ [1, 2, 0, -1], x @ [0, 0, 1, 1]
        if name == "test" or train:
            table.to_csv(folder / f"{name}.csv", index=False)
    return folder


@pytest.fixture(scope="session")
def write_tables():
    """``write_tables(folder, seed, train=True)``: train.csv of 60 rows, unless there is none, and test.csv of 20."""
    return _write_tables


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("packing")


@pytest.fixture(scope="session")
def image(place):
    """What the image has: all that is installed here but ours."""
    names = {each.name: each.version for each in distributions() if not each.name.startswith(OURS)}
    path = place / "image.txt"
    path.write_text("".join(f"{name}=={version}\n" for name, version in names.items()))
    return path


@pytest.fixture
def plugin(place, monkeypatch, ctk_home):
    """The competition's file in the current folder's ``ctk_plugins``."""
    (place / "ctk_plugins").mkdir(exist_ok=True)
    shutil.copy(Path(__file__).with_name("strip.py"), place / "ctk_plugins")
    monkeypatch.chdir(place)
    monkeypatch.setenv("HF_HUB_CACHE", str(place / "hub"))
    find_anew()
    yield
    find_anew()


@pytest.fixture
def serial():
    """Overrides of a run in this process."""
    return SERIAL


@pytest.fixture
def finished(place, plugin):
    """The folder of a run with two seeds of a network and ridge on three folds.

    The files that it was told of are gone: one is needed where it predicts, the other was for the fits.
    """
    if not (found := list((place / "runs").glob("strip/*"))):
        begin, scale = place / "begin.txt", place / "scale.txt"
        begin.write_text("0.5")
        scale.write_text("2")
        told = [
            f"members.strip-network.model.weights={begin}",
            f"features={{scaled: {{name: strip-scale, file: {scale}}}}}",
        ]
        how = {"data": _write_tables(place / "data", 1), "overrides": [*SERIAL, *told], "root": place / "runs"}
        found = [api.run("strip", **how).folder]
        begin.unlink()
    return found[0]


@pytest.fixture
def packed(place, finished, image, python):
    """The folder that the finished run was packed into."""
    if not (place / "packed").exists():
        api.pack(str(finished), place / "packed", image, python=python)
        (place / "scale.txt").unlink()
    return place / "packed"


@pytest.fixture
def python():
    """This Python's version, "3.11"."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"
