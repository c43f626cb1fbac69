"""Transforms change training batches alone, by the seed and the step, and what they return is checked."""

from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch import nn

from ctk.config.training_keys import Training
from ctk.contract import FitContext, Metric, Transform
from ctk.errors import PluginError, UsageError
from ctk.plugins import Component, Plugin, Plugins
from ctk.samples import Samples
from ctk.training.network import as_model
from ctk.training.transformed_rows import ROWS

SEEN = []
"""What the network below was called with: whether it trained, and its rows."""


class Net(nn.Module):
    features = ("x",)

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.2), nn.Linear(8, 2))

    @classmethod
    def for_samples(cls, samples):
        return cls()

    def forward(self, x):
        SEEN.append((self.training, x.clone()))
        return self.body(x.float())


class Jitter(Transform):
    """Adds noise to the features, in place, and a number to the target."""

    def __init__(self, *, noise: float = 0.1, shift: float = 0.0) -> None:
        self.noise = noise
        self.shift = shift

    def apply(self, features, target, units):
        features["x"] += self.noise * torch.randn_like(features["x"])
        return features, target + self.shift


class Named(Jitter):
    """Made of the samples."""

    @classmethod
    def for_samples(cls, samples, **options):
        return cls(shift=float(samples.constants["shift"]), **options)


class Returns(Transform):
    made = None

    def apply(self, features, target, units):
        return type(self).made(features, target)


def mae(prediction, samples):
    return float(np.abs(prediction - samples.target).mean())


METRIC = Metric("mae", "min", mae)


@pytest.fixture(autouse=True)
def transforms():
    """A registry that knows this module's transforms, and the core's losses."""
    SEEN.clear()
    offers = [
        Component("transforms", kind.__name__.lower(), kind, "", "tests", "tests") for kind in (Jitter, Named, Returns)
    ]
    offers.append(Component("losses", "smooth-l1", "ctk.components.smooth_l1:SmoothL1", "", "tests", "tests"))
    known = Plugins([Plugin("tests", "tests", "1", "tests", offers=offers, loaded=True)])
    with patch("ctk.plugins.guard.guards.plugins", lambda: known), patch("ctk.training.network.plugins", lambda: known):
        yield known


def make_samples(rows=60, **more):
    random = np.random.default_rng(0)
    x = random.normal(size=(rows, 3)).astype(np.float32)
    samples = Samples(np.arange(rows), {"x": x}, (x[:, :2] ** 2).astype(np.float32), {"scene": np.arange(rows) // 3})
    return replace(samples, **more)


def fit(folder, samples=None, progress=lambda *told: None, **training):
    samples = samples or make_samples()
    model = as_model(Net)()
    model.training = Training(
        **{"loss": "smooth-l1", "epochs": 4, "batch": {"size": 16}, "checkpoint_every": 2, "optimizer": {"lr": 0.01}}
        | training
    )
    train, valid = samples.take(np.arange(40)), samples.take(np.arange(40, len(samples)))
    model.fit(train, valid, FitContext(folder, 5, METRIC, "cpu", progress=progress))
    return model.predict(samples)


def test_a_transform_changes_training_rows_and_no_other(tmp_path):
    samples = make_samples()
    fit(tmp_path, samples, transforms=[{"name": "jitter"}])
    known = {row.tobytes() for row in samples.features["x"]}
    trained = torch.cat([rows for training, rows in SEEN if training])
    others = torch.cat([rows for training, rows in SEEN if not training])
    assert len(trained) == 4 * 40
    assert not {row.tobytes() for row in trained.numpy()} & known
    assert {row.tobytes() for row in others.numpy()} <= known
    np.testing.assert_array_equal(samples.features["x"], make_samples().features["x"])


def test_a_killed_fit_goes_on_to_the_same_predictions_with_the_same_draws(tmp_path):
    class Killed(Exception):
        pass

    def kill(done, total, scores):
        if done == 3:
            raise Killed

    jitter = {"transforms": [{"name": "jitter"}], "ema": 0.9}
    whole = fit(tmp_path / "whole", **jitter)
    with pytest.raises(Killed):
        fit(tmp_path / "parts", progress=kill, **jitter)
    assert (tmp_path / "parts/stage-1/last.ckpt").exists()
    np.testing.assert_array_equal(fit(tmp_path / "parts", **jitter), whole)
    assert not np.array_equal(fit(tmp_path / "plain", ema=0.9), whole)


def test_the_loss_sees_the_target_that_a_transform_made_of_the_samples_moved(tmp_path):
    samples, losses = make_samples(constants={"shift": np.array(100.0)}), []
    fit(tmp_path, samples, lambda done, total, scores: losses.append(scores["loss"]), transforms=["named"], epochs=1)
    assert losses[0] > 50


def test_a_stage_may_have_transforms_of_its_own(tmp_path):
    fit(tmp_path, epochs=1, transforms=["jitter"], stages=({"transforms": []}, {}))
    known = {row.tobytes() for row in make_samples().features["x"]}
    trained = [rows for training, rows in SEEN if training]
    changed = [row.tobytes() not in known for rows in trained for row in rows.numpy()]
    assert changed == [False] * 40 + [True] * 40
    assert not (tmp_path / "stage-1/transformed").exists()
    assert (tmp_path / "stage-2/transformed").exists()


def test_the_first_rows_are_kept_as_they_were_and_as_the_network_got_them(tmp_path):
    fit(tmp_path, transforms=[{"name": "jitter", "shift": 2.0}])
    before, after = (Samples.open(tmp_path / "stage-1/transformed" / name) for name in ("before", "after"))
    got = next(rows for training, rows in SEEN if training)
    np.testing.assert_array_equal(after.features["x"], got[:ROWS])
    np.testing.assert_allclose(after.target, before.target + 2)
    samples = make_samples()
    rows = [np.flatnonzero((samples.features["x"] == row).all(1)).item() for row in before.features["x"]]
    np.testing.assert_array_equal(samples.target[rows], before.target)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (lambda features, target: features, "gave a dict, and (features by name, target) is needed"),
        (lambda features, target: (features, target[:, :1]),
         "made the target, float32 (16, 2) on cpu, float32 (16, 1) on cpu; shapes and dtypes stay"),
        (lambda features, target: ({"x": features["x"].double()}, target),
         "made the feature 'x', float32 (16, 3) on cpu, float64 (16, 3) on cpu"),
        (lambda features, target: ({}, target), "took away the feature 'x'; features keep their names"),
        (lambda features, target: (features | {"y": target}, target), "added the feature 'y'"),
        (lambda features, target: ({"x": 3}, target), "made the feature 'x', float32 (16, 3) on cpu, a int"),
        (lambda features, target: 1 / 0, "failed while transforming a batch: ZeroDivisionError"),
    ],
    ids=["no pair", "narrower target", "other dtype", "less", "more", "no tensor", "raises"],
)  # fmt: skip
def test_what_is_wrong_with_a_transform_is_said_of_its_plugin(tmp_path, made, told):
    with patch.object(Returns, "made", staticmethod(made)), pytest.raises(PluginError) as caught:
        fit(tmp_path, transforms=["returns"])
    assert str(caught.value).startswith("The transform 'returns' of plugin 'tests' (tests 1) ")
    assert told in str(caught.value)


def test_unknown_transforms_and_options_are_refused_when_the_config_is_read(transforms):
    def resolved(*, stage=False, **choice):
        keys = {"loss": "smooth-l1", "epochs": 1}
        training = Training(**keys, **({"stages": ({"transforms": [choice]},)} if stage else {"transforms": [choice]}))
        return training.with_components("members.0", transforms)

    assert resolved(name="jitter").transforms[0].options == {"noise": 0.1, "shift": 0.0}
    for stage, key in ((False, "members.0.transforms.0"), (True, "members.0.stages.0.transforms.0")):
        with pytest.raises(UsageError, match=r"There is no transform 'jiter'\.\nDid you mean 'jitter'"):
            resolved(stage=stage, name="jiter")
        with pytest.raises(UsageError, match=f"Config {key}: unknown key 'nose'.\nDid you mean 'noise'"):
            resolved(stage=stage, name="jitter", nose=1)
