"""How fast the synthetic pasture is drawn, what its tables are like, and how far colours alone get on it.

    python competitions/csiro_biomass/bench/pasture.py [--images 300] [--test 100] [--processes N] [--folder FOLDER]

Colours are shares of 12 x 4 x 4 bins of hue, saturation and value, their square roots standardised by the training
rows, in a ridge regression on all five targets. Its R2 is the competition's: of all rows and targets at once, by their
weights. A prediction of the training means is beside it: what differs between the targets counts as explained too.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from ctk.samples import Array
from ctk_csiro_biomass.columns import TARGETS, WEIGHTS
from ctk_csiro_biomass.evaluation import r2
from ctk_csiro_biomass.pasture import write_pasture

FOLDS = 5
ALPHAS = (30, 100, 300, 1000)


def main() -> None:
    """Draw and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("images", 300), ("test", 100), ("processes", None)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--folder", type=Path, help="where to draw; left out, what was drawn is removed")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ctk-bench-") as temporary:
        folder = given.folder or Path(temporary)
        begun = time.perf_counter()
        write_pasture(folder, given.images, given.test, processes=given.processes)
        print(f"{given.images + given.test} synthetic pictures in {time.perf_counter() - begun:.1f} s")
        train = grams(folder / "train.csv")
        about = pd.read_csv(folder / "train.csv").drop_duplicates("image_path").set_index("image_path").loc[train.index]
        describe(train, about)
        test = grams(folder / "test_truth.csv", pd.read_csv(folder / "test.csv"))
        print_scores(folder, train, about, test)


def grams(path: Path, paths: pd.DataFrame | None = None) -> pd.DataFrame:
    """Read a long table into one row a picture, columns in the order of the targets."""
    table = pd.read_csv(path)
    table = table if paths is None else table.merge(paths, on="sample_id")
    return table.pivot(index="image_path", columns="target_name", values="target")[list(TARGETS)]


def describe(train: pd.DataFrame, about: pd.DataFrame) -> None:
    """Print what the facts of the competition's table are compared with."""
    print(train.describe().loc[["mean", "std", "min", "50%", "max"]].round(1).to_string())
    print(train.groupby(about["State"]).mean().round(1).assign(pictures=about["State"].value_counts()).to_string())
    print(f"{about['Sampling_Date'].nunique()} dates; zero clover {(train['Dry_Clover_g'] == 0).mean():.3f}")
    for name in ("Pre_GSHH_NDVI", "Height_Ave_cm"):
        print(f"{name} with " + ", ".join(f"{target} {train[target].corr(about[name]):.2f}" for target in TARGETS))


def print_scores(folder: Path, train: pd.DataFrame, about: pd.DataFrame, test: pd.DataFrame) -> None:
    """Print the R2 of ridge and of the means, with folds by date and by image, and on the test."""
    x, y = (np.stack([colours(folder / path) for path in train.index]), train.to_numpy())
    tested = np.stack([colours(folder / path) for path in test.index])
    random = np.random.default_rng(0)
    dates = pd.factorize(about["Sampling_Date"])[0]
    folds = {"date": random.permutation(dates.max() + 1)[dates] % FOLDS, "image": random.permutation(len(y)) % FOLDS}
    for by, fold in folds.items():
        means = sum((fold == one)[:, None] * y[fold != one].mean(0) for one in range(FOLDS))
        print(f"by {by:6} means {score(y, means):.3f}", end="")
        for alpha in ALPHAS:
            oof = np.zeros_like(y)
            for one in range(FOLDS):
                oof[fold == one] = ridge(x[fold != one], y[fold != one], x[fold == one], alpha)
            print(f"  ridge {alpha} {score(y, oof):.3f}", end="")
        print()
    print("test" + "".join(f"  ridge {a} {score(test.to_numpy(), ridge(x, y, tested, a)):.3f}" for a in ALPHAS))


def colours(path: Path) -> Array:
    """(192,): square roots of the shares of hue, saturation and value."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("HSV")).reshape(-1, 3)
    counts = np.histogramdd(pixels, bins=(12, 4, 4), range=[(0, 256)] * 3)[0].ravel()
    return np.sqrt(counts / counts.sum())


def ridge(x: Array, y: Array, rows: Array, alpha: float) -> Array:
    """Predict rows by a ridge regression on standardised columns."""
    mean, deviation = x.mean(0), x.std(0) + 1e-9
    z = (x - mean) / deviation
    weights = np.linalg.solve(z.T @ z + alpha * np.eye(z.shape[1]), z.T @ (y - y.mean(0)))
    return (rows - mean) / deviation @ weights + y.mean(0)


def score(y: Array, prediction: Array) -> float:
    """The competition's R2 of (N, 5)."""
    return r2(prediction - y, y, np.array(WEIGHTS))


if __name__ == "__main__":
    main()
