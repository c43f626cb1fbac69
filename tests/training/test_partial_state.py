"""Networks that leave frozen weights out of their state: whatever keeps it keeps what was trained alone."""

import numpy as np
import pytest
import torch
from torch import nn

from ctk.config.training_keys import Training
from ctk.contract import FitContext, Metric
from ctk.samples import Samples
from ctk.training.network import as_model
from ctk.training.torch_files import load_tensors

RMSE = Metric("rmse", "min", lambda prediction, samples: float(np.square(prediction - samples.target).mean() ** 0.5))


class Killed(Exception):
    pass


class Adapted(nn.Module):
    """A frozen map that is made the same each time, and a head that is trained."""

    features = ("x",)

    def __init__(self):
        super().__init__()
        weights = torch.randn(8, 3, generator=torch.Generator().manual_seed(7))
        self.base = nn.Linear(3, 8)
        self.base.weight = nn.Parameter(weights, requires_grad=False)
        self.base.bias.requires_grad_(False).zero_()
        self.base.register_buffer("scale", torch.full((8,), 1 / 3))
        self.head = nn.Sequential(nn.BatchNorm1d(8), nn.Dropout(0.1), nn.Linear(8, 1))

    @classmethod
    def for_samples(cls, samples):
        return cls()

    def forward(self, x):
        return self.head(torch.tanh(self.base(x) * self.base.scale))

    def state_dict(self, *given, **named):
        state = super().state_dict(*given, **named)
        return {name: each for name, each in state.items() if "base." not in name}

    def load_state_dict(self, state, strict=True, assign=False):
        loaded = super().load_state_dict(state, strict=False, assign=assign)
        assert all(name.startswith("base.") for name in loaded.missing_keys)
        assert not loaded.unexpected_keys
        return loaded


def make_model(**training):
    model = as_model(Adapted)()
    model.training = Training.model_validate(
        {"loss": "mse", "epochs": 4, "batch": {"size": 16}, "optimizer": {"lr": 0.02}, "checkpoint_every": 1} | training
    )
    return model


def make_samples():
    random = np.random.default_rng(0)
    x = random.normal(size=(80, 3)).astype(np.float32)
    return Samples(np.arange(80), {"x": x}, np.sin(x.sum(1, keepdims=True)))


def fit(folder, model, **context):
    samples = make_samples()
    model.fit(
        samples.take(np.arange(60)), samples.take(np.arange(60, 80)), FitContext(folder, 2, RMSE, "cpu", **context)
    )
    return model


@pytest.mark.parametrize("training", [{}, {"ema": 0.8}, {"swa": {"from": 2}}, {"snapshots": 2}])
def test_only_what_is_trained_is_kept_and_gone_on_with(tmp_path, training):
    checkpoints = []

    def kill(done, total, scores):
        if done == 3:
            checkpoints.append(load_tensors(tmp_path / "killed" / "stage-1" / "last.ckpt"))
            raise Killed

    whole = fit(tmp_path / "whole", make_model(**training))
    with pytest.raises(Killed):
        fit(tmp_path / "killed", make_model(**training), progress=kill)
    again = fit(tmp_path / "killed", make_model(**training))
    for checkpoint in checkpoints:
        kept = {*checkpoint["state_dict"], *checkpoint.get("current_model_state", ())}
        assert kept
        assert not [name for name in kept if "base" in name]
    samples = make_samples()
    predicted = whole.predict(samples)
    assert (again.predict(samples) == predicted).all()
    for name, frozen in Adapted().base.state_dict().items():
        assert torch.equal(whole.network.base.state_dict()[name], frozen)
    whole.save(tmp_path)
    assert not [name for name in load_tensors(tmp_path / "weights.pt")["network"] if "base" in name]
    loaded = make_model(**training)
    loaded.load(tmp_path, samples, "cpu")
    assert (loaded.predict(samples) == predicted).all()


def test_the_memory_of_frozen_weights_is_counted_once():
    class Large(Adapted):
        def __init__(self):
            super().__init__()
            self.base.more = nn.Parameter(torch.zeros(1000, 1000), requires_grad=False)

    model = as_model(Large)()
    model.training = make_model().training
    assert 4e6 < model.memory(make_samples(), "cpu") < 5e6
