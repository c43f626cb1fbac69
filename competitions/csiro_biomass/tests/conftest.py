"""Small data in the competition's layout, made here; and a run on it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from ctk.samples import Data
from ctk_csiro_biomass.columns import TARGETS
from ctk_csiro_biomass.reading.reader import CSIROBiomassReader

DAYS = {"NSW": ["2015/5/13", "2015/9/30"], "Tas": ["2015/9/4", "2015/11/9"], "Vic": ["2015/2/24"], "WA": ["2015/7/1"]}
SMALL = (
    "-o", "data.size=[20, 40]", "-o", "features={colours: color-histogram}",
    "-o", "members=[{model: {name: ridge, features: [colours], alpha: 0.01}},"
    " {name: weak, model: {name: ridge, features: [colours], alpha: 100}, blend: false}]",
    "-o", "split={scheme: stratified-group, by: date, stratify: state, folds: 3, use: 3}",
    "-o", "blend=mean", "-o", "executor={name: serial, threads: 1}",
)  # fmt: skip
"""Members that learn from colours in no time, in this process."""


@pytest.fixture(scope="session")
def once_data(once) -> Path:
    """A folder of the competition's layout that no test writes to: 24 images to train on, 6 to predict, with truth."""
    return once("csiro-biomass", make_data)


@pytest.fixture
def data(once_data, tmp_path) -> Path:
    """The same for this test."""
    return shutil.copytree(once_data, tmp_path / "data")


@pytest.fixture(scope="session")
def finished(once, ctk_in, once_data) -> Path:
    """The folder of a run on it; nobody writes to it."""

    def make(folder: Path) -> None:
        ctk_in(folder)("run", "csiro-biomass", "--data", once_data, *SMALL, code=0)

    (run,) = (once("csiro-biomass-run", make) / "runs" / "csiro-biomass").iterdir()
    return run


@pytest.fixture
def small() -> tuple[str, ...]:
    """The overrides of that run."""
    return SMALL


@pytest.fixture
def prepared(tmp_path) -> Callable[..., Data]:
    """Prepare a folder as the toolkit does, each into a place of its name, and open what was prepared."""

    def prepare(folder: Path, name: str = "one", **options) -> Data:
        place = tmp_path / "prepared" / name
        place.mkdir(parents=True, exist_ok=True)
        reader = CSIROBiomassReader(**{"size": (20, 40), **options})
        reader.prepare(folder, place, lambda what, done, total: None)
        return Data.open(place, folder, None)

    return prepare


def make_data(folder: Path, images: int = 24, test: int = 6, size: tuple[int, int] = (60, 120)) -> Path:
    """Fill a folder: pictures whose shares of green, brown and white are the grams."""
    random = np.random.default_rng(0)
    rows = [_image(folder, "train", number, random, size) for number in range(images)]
    asked = [_image(folder, "test", number, random, size) for number in range(images, images + test)]
    train, tested = (pd.concat(each, ignore_index=True) for each in (rows, asked))
    train.to_csv(folder / "train.csv", index=False)
    tested[["sample_id", "image_path", "target_name"]].to_csv(folder / "test.csv", index=False)
    tested[["sample_id", "target"]].sample(frac=1, random_state=0).to_csv(folder / "test_truth.csv", index=False)
    tested[["sample_id"]].assign(target=0.0).to_csv(folder / "sample_submission.csv", index=False)
    return folder


def _image(folder: Path, part: str, number: int, random: np.random.Generator, size: tuple[int, int]) -> pd.DataFrame:
    id = f"ID{1011485656 + 7919 * number}"
    state = list(DAYS)[number % 4]
    grams = random.uniform(1, 40, 3).round(4) * [1, state != "WA", 1]
    green, dead, clover = grams
    colours = np.array([[40, 150, 40], [150, 120, 60], [200, 220, 200], [60, 40, 30]])
    shares = np.array([*grams, 150 - grams.sum()]) / 150
    picture = colours[random.choice(4, size, p=shares)].astype(np.uint8)
    (folder / part).mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).resize((2 * size[1], 2 * size[0]), 0).save(folder / part / f"{id}.jpg", quality=92)
    values = dict(zip(TARGETS, (green, dead, clover, green + clover, green + clover + dead), strict=True))
    order = random.permutation(TARGETS)
    return pd.DataFrame(
        {
            "sample_id": [f"{id}__{name}" for name in order],
            "image_path": f"{part}/{id}.jpg",
            "Sampling_Date": DAYS[state][number // 4 % len(DAYS[state])],
            "State": state,
            "Species": "Ryegrass_Clover",
            "Pre_GSHH_NDVI": round(0.2 + green / 60, 2),
            "Height_Ave_cm": round(1 + grams.sum() / 5, 4),
            "target_name": order,
            "target": [round(values[name], 4) for name in order],
        }
    )
