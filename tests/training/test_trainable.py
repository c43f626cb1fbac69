"""Trainable parts: what a stage does not name stays as it is, to the bit, and its batch norms' averages too."""

from itertools import count

import numpy as np
import pytest
import torch
from torch import nn

from ctk.config.training_keys import Training
from ctk.contract import FitContext, Metric
from ctk.errors import UsageError
from ctk.samples import Samples
from ctk.training.network import as_model

LATER = count()
"""Scores of which the last is the best."""


class Net(nn.Module):
    features = ("x",)

    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.BatchNorm1d(8, affine=False))
        self.head = nn.Sequential(nn.Linear(8, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))

    @classmethod
    def for_samples(cls, samples):
        return cls()

    def forward(self, x):
        return self.head(self.backbone(x))


def fit(folder, *stages, progress=lambda *told: None):
    random = np.random.default_rng(0)
    x = random.normal(size=(60, 3)).astype(np.float32)
    samples = Samples(np.arange(60), {"x": x}, x[:, :2] ** 2)
    metric = Metric("last", "max", lambda prediction, samples: next(LATER))
    model = as_model(Net)()
    common = {"loss": "smooth-l1", "epochs": 2, "batch": {"size": 16}, "checkpoint_every": 1, "optimizer": {"lr": 0.01}}
    model.training = Training(**common, stages=stages)
    model.fit(samples, samples, FitContext(folder, 5, metric, "cpu", progress=progress))
    return model.network.state_dict()


@pytest.fixture
def fresh():
    torch.manual_seed(5)
    return Net().state_dict()


def changed(before, after):
    return {name for name, value in before.items() if not torch.equal(value, after[name])}


def test_a_stage_trains_what_its_patterns_fit_and_nothing_else_moves(tmp_path, fresh):
    moved = changed(fresh, fit(tmp_path, {"trainable": ["head.*"]}))
    assert moved == {name for name in fresh if name.startswith("head.")}


def test_the_stage_after_it_trains_everything(tmp_path, fresh):
    done = fit(tmp_path, {"trainable": ["head.2.*", "backbone.1.weight"]}, {})
    assert changed(fresh, done) == set(fresh)


def test_a_norm_of_which_some_is_trained_goes_on_averaging(tmp_path, fresh):
    moved = changed(fresh, fit(tmp_path, {"trainable": ["backbone.1.bias"]}))
    averages = {
        f"backbone.{at}.{name}" for at in (1, 3) for name in ("running_mean", "running_var", "num_batches_tracked")
    }
    assert moved == {"backbone.1.bias"} | averages


def test_a_killed_fit_goes_on_to_the_same_weights(tmp_path):
    class Killed(Exception):
        pass

    def kill(done, total, scores):
        if done == 4:
            raise Killed

    stages = ({"trainable": ["head.*"]}, {"epochs": 3})
    whole = fit(tmp_path / "whole", *stages)
    with pytest.raises(Killed):
        fit(tmp_path / "parts", *stages, progress=kill)
    assert not changed(whole, fit(tmp_path / "parts", *stages))


def test_a_pattern_that_fits_nothing_is_refused_before_any_stage(tmp_path):
    with pytest.raises(
        UsageError, match=r"'trainable': 'heads\.\*' fits no parameter of the network Net\.\nDid you mean 'head\.\*'"
    ):
        fit(tmp_path, {}, {"trainable": ["heads.*"]})
    assert not (tmp_path / "stage-1").exists()
