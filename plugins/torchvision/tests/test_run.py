"""A network is trained on pictures that were changed, and the run keeps some, as they were and as they became."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from ctk.runs import Run
from ctk.samples import Samples
from ctk.testing import toy

LOOKING = '''
"""Toy samples with a picture each, and a network that looks at nothing else."""

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from ctk import hookimpl
from ctk.testing.toy.toy_samples import ToyReader


@hookimpl
def ctk_register_data(register):
    register("toy-pictures", "ctk_plugins.looking:Reader")


@hookimpl
def ctk_register_models(register):
    register("looking", "ctk_plugins.looking:Looking")


class Reader(ToyReader):
    def read(self, folder):
        data = super().read(folder)
        return replace(data, train=pictured(data.train), test=pictured(data.test), truth=pictured(data.truth))


def pictured(samples):
    pictures = np.random.default_rng(0).integers(0, 256, (len(samples), 8, 16, 3), dtype=np.uint8)
    return replace(samples, features={**samples.features, "image": pictures})


class Looking(nn.Module):
    features = ("image",)

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, 2)

    @classmethod
    def for_samples(cls, samples):
        return cls()

    def forward(self, image):
        return self.head(image.float().mean((1, 2)) / 255)
'''


@pytest.fixture
def run(ctk_home, ctk):
    plugins = ctk_home.work / "ctk_plugins"
    plugins.mkdir()
    shutil.copy(toy.__file__, plugins / "toy.py")
    (plugins / "looking.py").write_text(LOOKING)

    def run(transform: str, **how: object) -> object:
        member = f"{{model: looking, loss: toy-squared-error, epochs: 1, transforms: [{transform}]}}"
        chosen = (
            "-odata=toy-pictures",
            f"-omembers=[{member}]",
            "-oblend=mean",
            "-oexecutor={name: serial, threads: 1}",
        )
        return ctk("run", "toy-regression", "--dry-run", *chosen, **how)

    return run


@pytest.mark.slow
def test_a_fit_gets_changed_pictures_and_the_run_says_how(run, ctk_home):
    run("{name: pictures, ops: [{name: RandomInvert, p: 1.0}]}", code=0)
    (folder,) = ctk_home.runs.glob("toy-regression/*")
    (op,) = Run(folder).config()["members"][0]["transforms"][0]["ops"]
    assert op == {"name": "RandomInvert", "p": 1.0, "probability": 1.0}
    rows = sorted(folder.rglob("transformed"))[0]
    before, after = (Samples.open(rows / name).features["image"] for name in ("before", "after"))
    assert np.array_equal(after, 255 - np.asarray(before))


@pytest.mark.slow
def test_a_wrong_name_ends_the_run_before_it_begins(run, ctk_home):
    assert "'light', 'standard' or 'randaugment'" in run("{name: pictures, policy: strong}", code=2).stderr
    told = run("{name: pictures, ops: [ColorJiter]}", code=2).stderr
    assert "members.0.transforms.0.ops.0" in told
    assert "Did you mean 'ColorJitter'?" in told
    assert not list(ctk_home.runs.glob("toy-regression/*/members"))
