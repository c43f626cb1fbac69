"""Averaged weights: of the best epochs or of the last, with batch norms made anew, the same after a kill."""

import math
from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch import nn

from ctk.config.training_keys import Schedule, Training
from ctk.contract import FitContext, Metric, Transform
from ctk.errors import UsageError
from ctk.plugins import Component, Plugin, Plugins
from ctk.samples import Samples, Targets
from ctk.training.averages import Snapshots, mean_of
from ctk.training.forward import copy_state
from ctk.training.network import as_model
from ctk.training.schedules import learning_rate_factor
from ctk.training.validation_tracker import ValidationTracker


class Net(nn.Module):
    features = ("x",)

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.2))
        self.head = nn.Sequential(nn.BatchNorm1d(8), nn.Linear(8, 2))

    @classmethod
    def for_samples(cls, samples):
        return cls()

    def forward(self, x):
        return self.head(self.body(x))


class Jitter(Transform):
    """Moves the features at random, and writes to the target that it is given."""

    def apply(self, features, target, units):
        target += 0.01
        return {"x": features["x"] + torch.rand(len(units), 1)[units]}, target


def mae(prediction, samples):
    return float(np.abs(prediction - samples.target).mean())


METRIC = Metric("mae", "min", mae)


@pytest.fixture(autouse=True)
def registry():
    offers = [
        Component("transforms", "jitter", Jitter, "", "tests", "tests"),
        Component("losses", "smooth-l1", "ctk.components.smooth_l1:SmoothL1", "", "tests", "tests"),
    ]
    known = Plugins([Plugin("tests", "tests", "1", "tests", offers=offers, loaded=True)])
    with patch("ctk.plugins.guard.guards.plugins", lambda: known), patch("ctk.training.network.plugins", lambda: known):
        yield


@pytest.fixture
def epochs():
    """The network's weights at each validation, in order."""
    states, original = [], ValidationTracker.on_validation_epoch_end

    def note(self, trainer, module):
        states.append(copy_state(module.network))
        original(self, trainer, module)

    with patch.object(ValidationTracker, "on_validation_epoch_end", note):
        yield states


def make_samples(rows=60):
    random = np.random.default_rng(0)
    x = random.normal(size=(rows, 3)).astype(np.float32)
    targets = Targets(np.array(["a", "b"]), np.array(["one", "two"]))
    return Samples(np.arange(rows), {"x": x}, (x[:, :2] ** 2 + x[:, 1:]).astype(np.float32), targets=targets)


def fit(folder, metric=METRIC, network=Net, progress=lambda *told: None, told=None, steps=None, **training):
    model, samples = as_model(network)(), make_samples()
    keys = {"loss": "smooth-l1", "epochs": 6, "batch": {"size": 10}, "checkpoint_every": 2, "optimizer": {"lr": 0.02}}
    model.training = Training(**keys | training)
    tell = (told if told is not None else []).append
    context = FitContext(folder, 5, metric, "cpu", steps=steps, progress=progress, tell=tell)
    model.fit(samples.take(np.arange(40)), samples.take(np.arange(40, 60)), context)
    return model


def scripted(*scores):
    """A metric that gives these scores one after another, then that of the mean."""
    left = list(scores)
    return Metric("scripted", "min", lambda prediction, samples: left.pop(0))


def parameters(state):
    return {name: value for name, value in state.items() if "running" not in name and "num_batches" not in name}


def assert_mean(model, states):
    """The model's weights are the mean of the states'."""
    for name, value in parameters(model.network.state_dict()).items():
        torch.testing.assert_close(value, torch.stack([state[name] for state in states]).mean(0))


def test_snapshots_are_the_mean_of_the_best_epochs_with_batch_norms_of_the_training_rows(tmp_path, epochs):
    told = []
    model = fit(tmp_path, scripted(5, 1, 9, 2, 7, 3, 0.5), snapshots=3, told=told, batch={"size": 40})
    assert_mean(model, [epochs[1], epochs[3], epochs[5]])
    with torch.no_grad():
        linear, norm, tanh, _ = model.network.body
        came = linear(torch.from_numpy(make_samples().features["x"][:40]))
        torch.testing.assert_close(norm.running_mean, came.mean(0))
        torch.testing.assert_close(norm.running_var, came.var(0))
        passed = tanh((came - came.mean(0)) / (came.var(0, correction=0) + norm.eps).sqrt() * norm.weight + norm.bias)
    torch.testing.assert_close(model.network.head[0].running_mean, passed.mean(0))  # nothing was dropped
    torch.testing.assert_close(model.network.head[0].running_var, passed.var(0))
    assert told == ["The mean of 3 epochs' weights has scripted 0.5, the best epoch's 1; the mean is used."]


def test_swa_is_the_mean_of_the_last_epochs_whatever_their_scores(tmp_path, epochs):
    model = fit(tmp_path, scripted(1, 2, 3, 4, 5, 6, 7), swa={"from": 4})
    assert_mean(model, epochs[3:])
    shares = fit(tmp_path / "share", swa={"from": 0.5})
    assert_mean(shares, epochs[-3:])


def test_a_validation_twice_an_epoch_is_a_snapshot_and_no_epoch_of_swa(tmp_path, epochs):
    model = fit(tmp_path / "1", scripted(*[9, 1, 2, 9, 9, 9], 5), snapshots=2, validate_every=0.5, epochs=3)
    assert_mean(model, epochs[1:3])
    model = fit(tmp_path / "2", swa={"from": 2}, validate_every=0.5, epochs=3)
    assert_mean(model, [epochs[-3], epochs[-1]])


@pytest.mark.parametrize(
    "training",
    [
        {"snapshots": 3},
        {"snapshots": 3, "ema": 0.8},
        {"snapshots": 2, "transforms": ["jitter"], "validate_every": 0.5},
        {"swa": {"from": 3}},
        {"swa": {"from": 0.5, "lr": 0.05}, "transforms": ["jitter"], "schedule": {"name": "cosine"}},
        {"stages": ({"snapshots": 2}, {"swa": {}, "epochs": 6})},
        {"stages": ({"epochs": 2, "snapshots": 2}, {"swa": {}, "copies": "target-groups"})},
    ],
    ids=["snapshots", "with ema", "with transforms", "swa", "swa with a rate", "by stage", "copies"],
)
def test_a_killed_fit_goes_on_to_the_same_bits(tmp_path, training):
    class Killed(Exception):
        pass

    def kill(done, total, scores):
        if done == 5:
            raise Killed

    whole = fit(tmp_path / "whole", **training).predict(make_samples())
    with pytest.raises(Killed):
        fit(tmp_path / "parts", progress=kill, **training)
    np.testing.assert_array_equal(fit(tmp_path / "parts", **training).predict(make_samples()), whole)


def test_a_fit_that_is_killed_while_it_averages_goes_on_too(tmp_path):
    whole = fit(tmp_path / "whole", snapshots=2).predict(make_samples())
    with (
        patch.object(ValidationTracker, "offer_average", side_effect=InterruptedError),
        pytest.raises(InterruptedError),
    ):
        fit(tmp_path / "parts", snapshots=2)
    np.testing.assert_array_equal(fit(tmp_path / "parts", snapshots=2).predict(make_samples()), whole)


def test_averaging_changes_nothing_of_the_fit_itself(tmp_path):
    plain = fit(tmp_path / "plain")
    for number, keys in enumerate(({"snapshots": 2}, {"swa": {}}, {"snapshots": 2, "transforms": ["jitter"]})):
        curve = fit(tmp_path / str(number), **keys).curve
        assert (curve == plain.curve) == ("transforms" not in keys)


def test_a_mean_that_predicts_no_finite_numbers_is_not_used_and_told(tmp_path, epochs):
    told = []
    fit(tmp_path, scripted(5, 1, 9, 2, 7, 3, math.nan), snapshots=2, told=told)
    assert told[0].endswith("the mean is not used.")


def test_copies_are_no_worse_than_what_they_began_with(tmp_path):
    """With the scores scripted, the first copy's mean is worse than before, and its best epoch is no better either."""
    stages = ({"epochs": 1}, {"epochs": 2, "snapshots": 2, "copies": "target-groups"})
    # stage 1: one epoch. each copy: before it, two epochs, their mean
    model = fit(tmp_path, scripted(9, 5, 6, 7, 8, 5, 4, 3, 2), stages=stages)
    assert [columns.tolist() for columns, _ in model.copies] == [[1]]


def test_frozen_batch_norms_stay_as_they_are(tmp_path, epochs):
    model = fit(tmp_path, trainable=["head.*"], snapshots=2)
    before, after = epochs[0], model.network.state_dict()
    torch.testing.assert_close(after["body.1.running_mean"], before["body.1.running_mean"], rtol=0, atol=0)
    assert not torch.equal(after["head.0.running_mean"], before["head.0.running_mean"])


def test_a_dry_run_averages_too(tmp_path):
    for number, keys in enumerate(({"snapshots": 3}, {"swa": {"from": 5}})):
        assert np.isfinite(fit(tmp_path / str(number), steps=2, **keys).predict(make_samples())).all()


def test_what_is_the_same_in_all_states_stays_so_to_the_last_bit():
    same = torch.tensor([0.1, 1e-8, 3e7])
    states = [{"same": same, "steps": torch.tensor(n), "w": torch.tensor(float(n))} for n in range(7)]
    mean = mean_of(states)
    assert torch.equal(mean["same"], same)
    assert (mean["steps"].item(), mean["w"].item()) == (6, pytest.approx(3))
    assert states[0]["w"].item() == 0


def test_snapshots_keep_the_best_by_the_metrics_direction_and_no_more():
    kept = {}
    for sign in (1, -1):
        snapshots, network = Snapshots(2), nn.Linear(1, 1)
        for score in (3.0, math.nan, 1.0, 2.0, 1.0, math.inf):
            nn.init.constant_(network.weight, score if math.isfinite(score) else 0)
            snapshots.offer(network, score, sign)
        kept[sign] = [(score, state["weight"].item()) for score, state in snapshots.best]
    assert kept == {1: [(3, 3), (2, 2)], -1: [(1, 1), (1, 1)]}


def test_the_learning_rate_of_late_epochs_is_that_of_swa():
    rate = learning_rate_factor(Schedule(name="cosine"), 0.1, 40, 4, late=(3, 0.5))
    assert [rate(step) for step in (0, 30, 39)] == [1, 0.5, 0.5]
    assert rate(29) == learning_rate_factor(Schedule(name="cosine"), 0.1, 40, 4)(29) != 0.5


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"snapshots": 2}, "swa and snapshots do not go together"),
        ({"ema": 0.9}, "swa and ema do not go together"),
        ({"patience": 3}, "swa and patience do not go together"),
        ({"schedule": {"name": "plateau"}, "swa": {"lr": 0.1}}, r"swa\.lr and a plateau schedule both set"),
        ({"swa": {"from": 11}}, r"swa\.from is 11, and there are epochs 1 to 10"),
        ({"swa": {"from": 2.5}}, r"swa\.from is 2\.5, and"),
    ],
)
def test_what_cannot_go_together_is_said_with_its_key(keys, told):
    with pytest.raises(UsageError, match=rf"Config members\.3: {told}"):
        Training(**{"epochs": 10, "swa": {}} | keys).phases("members.3.stages")
    with pytest.raises(UsageError, match=rf"Config members\.3\.stages\.1: {told}"):
        Training(stages=({}, {"epochs": 10, "swa": {}} | keys)).phases("members.3.stages")
