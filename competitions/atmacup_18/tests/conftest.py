"""Small data in the competition's layout, made here; and a run on it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from ctk.samples import Data
from ctk_atmacup_18.columns import FRAMES, HORIZONS, TARGETS
from ctk_atmacup_18.reading.reader import AtmaCup18Reader

SIZES = (1, 2, 3, 4, 5, 6, 6, 6)
"""Rows of the scenes of a part, again and again."""
TABLE = "[vEgo, aEgo, steeringAngleDeg, steeringTorque, gas, leftBlinker, rightBlinker]"
SMALL = (
    "-o", "members=[{model: constant-speed, blend: false, seeds: [0]},"
    f" {{model: {{name: ridge, standardise: true, features: {TABLE}}}}}]",
    "-o", "split.folds=3", "-o", "split.use=3", "-o", "executor={name: serial, threads: 1}",
)  # fmt: skip
"""Members that learn from the table in no time, in this process."""


@pytest.fixture(scope="session")
def once_data(once) -> Path:
    """A folder of the competition's layout that no test writes to: 16 scenes to train on, 8 to predict, with truth."""
    return once("atmacup-18", make_data)


@pytest.fixture
def data(once_data, tmp_path) -> Path:
    """The same for this test."""
    return shutil.copytree(once_data, tmp_path / "data")


@pytest.fixture
def made(tmp_path) -> Callable[..., Path]:
    """Make a folder of another kind: ``made(size=(32, 64), layout="scene", scenes=4)``."""
    return lambda **how: make_data(tmp_path / "made", **how)


@pytest.fixture(scope="session")
def finished(once, ctk_in, once_data) -> Path:
    """The folder of a run on it; nobody writes to it."""

    def make(folder: Path) -> None:
        ctk_in(folder)("run", "atmacup-18", "--data", once_data, *SMALL, code=0)

    (run,) = (once("atmacup-18-run", make) / "runs" / "atmacup-18").iterdir()
    return run


@pytest.fixture
def prepared(tmp_path) -> Callable[..., Data]:
    """Prepare a folder as the toolkit does, each into a place of its name, and open what was prepared."""

    def prepare(folder: Path, name: str = "one") -> Data:
        place = tmp_path / "prepared" / name
        place.mkdir(parents=True, exist_ok=True)
        reader = AtmaCup18Reader()
        reader.prepare(folder, place, lambda what, done, total: None)
        return Data.open(place, folder, None)

    return prepare


def make_data(folder: Path, size: tuple[int, int] = (64, 128), layout: str = "id", scenes: int = 16) -> Path:
    """Fill a folder: paths that bend with the steering wheel, pictures that show the speed, some lights."""
    random = np.random.default_rng(0)
    train = _table(random, scenes)
    test = _table(random, scenes // 2)
    for table in (train, test):
        for id in table["ID"]:
            _draw(folder / "images" / (id if layout == "id" else id.replace("_", "/")), random, size)
            _light(folder / "traffic_lights" / f"{id}.json", random, size)
    train.to_csv(folder / "train_features.csv", index=False)
    test.drop(columns=list(TARGETS)).to_csv(folder / "test_features.csv", index=False)
    test[["ID", *TARGETS]].sample(frac=1, random_state=0).to_csv(folder / "test_truth.csv", index=False)
    sample = pd.DataFrame(0.0, index=range(len(test)), columns=list(TARGETS))
    sample.to_csv(folder / "atmaCup18__sample_submit.csv", index=False)
    return folder


def _table(random: np.random.Generator, scenes: int) -> pd.DataFrame:
    """Rows of scenes in a mixed order, as in the competition's files."""
    ids = []
    for number in range(scenes):
        scene = random.bytes(16).hex()
        times = random.permutation([20, 120, 220, 320, 420, 520])[: SIZES[number % len(SIZES)]]
        ids += [f"{scene}_{time}" for time in times]
    rows = len(ids)
    speed, push, angle = random.uniform(0, 25, rows), random.normal(0, 1, rows), random.normal(0, 20, rows)
    columns = {
        "ID": ids, "vEgo": speed, "aEgo": push, "steeringAngleDeg": angle,
        "steeringTorque": 3 * angle + random.normal(0, 9, rows), "brake": 0.0, "brakePressed": push < -1,
        "gas": np.clip(push, 0, 1), "gasPressed": push > 0, "gearShifter": np.where(speed > 1, "drive", "park"),
        "leftBlinker": angle > 25, "rightBlinker": angle < -25,
    }  # fmt: skip
    for point, time in enumerate(HORIZONS):
        way = speed * time + push * time**2 / 2 + random.normal(0, 0.1, rows)
        columns |= {f"x_{point}": way, f"y_{point}": angle * way**2 / 5e3, f"z_{point}": 0.01 * way}
    return pd.DataFrame(columns).sample(frac=1, random_state=1).reset_index(drop=True)


def _draw(folder: Path, random: np.random.Generator, size: tuple[int, int]) -> None:
    folder.mkdir(parents=True)
    for name in FRAMES:
        coarse = Image.fromarray(random.integers(0, 255, (2, 4, 3), np.uint8).astype(np.uint8))
        coarse.resize((size[1], size[0])).save(folder / name)


def _light(path: Path, random: np.random.Generator, size: tuple[int, int]) -> None:
    lights = []
    for number in range(random.integers(0, 3)):
        left, top = random.uniform(0, size[1] - 4), random.uniform(0, size[0] - 4)
        kind = str(random.choice(["green", "red", "left"]))
        lights.append({"index": number + 1, "class": kind, "bbox": [left, top, left + 2.5, top + 3]})
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(lights))
