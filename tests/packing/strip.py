"""A competition in one file that reads whatever tables it is given; copied to ./ctk_plugins by the tests."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
from torch import nn

from ctk import hookimpl
from ctk.contract import DataReader, Extractor
from ctk.errors import CtkError
from ctk.samples import Data, Samples
from ctk.testing.toy.toy_competition import ToyCompetition


@hookimpl
def ctk_register_competitions(register):
    register("strip", Strip, "two numbers from four")


@hookimpl
def ctk_register_data(register):
    register("strip", StripReader, "train.csv, where it is there, and test.csv")


@hookimpl
def ctk_register_models(register):
    register("strip-network", StripNetwork, "one layer that fetches weights to begin with")


@hookimpl
def ctk_register_extractors(register):
    register("strip-scale", StripScale, "x times the number in a file")


class StripNetwork(nn.Module):
    """One layer. (B, 4) -> (B, 2)"""

    features = ("x",)

    def __init__(self, *, weights: str = ""):
        super().__init__()
        self.layer = nn.Linear(4, 2)
        self.weights = weights

    @classmethod
    def for_samples(cls, samples, **options):
        return cls(**options)

    def load_pretrained(self):
        """Begin with what a fit alone needs: the file would not be found where it predicts."""
        if self.weights:
            nn.init.constant_(self.layer.weight, float(Path(self.weights).read_text()))

    def forward(self, x):
        return self.layer(x)


class StripScale(Extractor):
    """x times the number in a file, and times one that is kept as the hub's library keeps weights."""

    def __init__(self, *, file: str):
        self.file = file

    def extract(self, samples, progress):
        kept = Path(os.environ["HF_HUB_CACHE"], "models--some", "snapshots", "first", "weights.txt")
        if not kept.exists():
            if os.environ.get("HF_HUB_OFFLINE"):
                raise CtkError("The weights cannot be fetched.")
            content = kept.parents[2] / "blobs" / "1234"
            for folder in (content.parent, kept.parent):
                folder.mkdir(parents=True)
            content.write_text("0.5")
            kept.symlink_to(content)
        return {"": samples.features["x"] * np.float32(Path(self.file).read_text()) * np.float32(kept.read_text())}


class StripReader(DataReader):
    def read(self, folder):
        test = samples_of(pd.read_csv(folder / "test.csv"))
        there = (folder / "train.csv").is_file()
        train = samples_of(pd.read_csv(folder / "train.csv")) if there else without_rows(test)
        return Data(train, test, folder, f"{len(train)} and {len(test)} samples")

    def sources(self, folder):
        return [path for path in (folder / "train.csv", folder / "test.csv") if path.is_file()]

    def describe(self, folder):
        return []


class Strip(ToyCompetition):
    id = "strip"
    title = "Strip"
    metric = "mse"
    headline = ("mse",)
    reader = "strip"
    embedded = default = "usual"

    def presets(self):
        network = {"model": "strip-network", "loss": "l1", "epochs": 1, "batch": {"size": 16}}
        ridge = {"model": "ridge", "seeds": [1]}
        return {"usual": {"members": [ridge, network], "seeds": [1, 2], "split": {"folds": 2, "use": 2}}}

    def evaluate(self, prediction, samples):
        return {"mse": float(np.square(prediction - samples.target_values()).mean())}


def samples_of(table):
    known = "y0" in table
    return Samples(
        ids=table["id"].to_numpy(),
        features={"x": table[[f"x{n}" for n in range(4)]].to_numpy(np.float32)},
        target=table[["y0", "y1"]].to_numpy(np.float32) if known else None,
    )


def without_rows(test):
    empty = test.take(np.arange(0))
    return Samples(ids=empty.ids, features=empty.features, target=np.zeros((0, 2), np.float32))
