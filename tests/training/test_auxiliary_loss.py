"""A network's auxiliary loss: added to that of training batches, from features that no prediction needs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ctk.components.smooth_l1 import L1
from ctk.config.training_keys import Training
from ctk.contract import Batch, FitContext, Metric
from ctk.plugins.guard import Guard
from ctk.samples import Samples
from ctk.training import as_model
from ctk.training.lightning_module import NetworkModule

ERROR = Metric("error", "min", lambda made, samples: float(np.abs(made - samples.target).mean()))


class Helped(nn.Module):
    """Predicts two numbers, and in training a third, that the samples have beside them."""

    features = ("x",)
    auxiliary_features = ("hint", "word")
    answer: Any = None

    def __init__(self) -> None:
        super().__init__()
        self.body, self.target, self.hint = nn.Linear(3, 4), nn.Linear(4, 2), nn.Linear(4, 1)

    @classmethod
    def for_samples(cls, samples):
        return cls()

    def forward(self, x):
        self.made = self.body(x)
        return self.target(self.made)

    def auxiliary_loss(self, batch):
        made, self.made = self.made, None
        assert self.training
        assert set(batch.features) == {"x", "hint", "word"}
        assert "".join(map(chr, batch.features["word"][0, :3].tolist())) == "hay"
        error = (self.hint(made)[:, 0] - batch.features["hint"]).square().mean()
        return error if self.answer is None else self.answer


def make_samples(rows: int = 32) -> Samples:
    random = np.random.default_rng(rows)
    x = random.normal(size=(rows, 3)).astype(np.float32)
    features = {"x": x, "hint": x.sum(axis=1), "word": np.array(["hay"] * rows)}
    return Samples(np.arange(rows), features, random.normal(size=(rows, 2)).astype(np.float32))


def fit(folder, **training: Any):
    model = as_model(Helped)()
    model.training = Training.model_validate({"loss": "l1", "batch": {"size": 8}, "epochs": 2, **training})
    model.fit(make_samples(), make_samples(6), FitContext(folder, 1, ERROR, "cpu"))
    return model


def test_it_trains_what_the_loss_does_not_reach_and_is_part_of_the_curve(tmp_path):
    torch.manual_seed(1)
    begun = Helped().hint.weight.clone()
    model = fit(tmp_path, valid_loss=True)
    assert not torch.equal(model.network.hint.weight, begun)
    assert model.curve[-1]["loss"] > model.curve[-1]["valid_loss"]


def test_predicting_needs_none_of_its_features(tmp_path):
    model, bare = fit(tmp_path), make_samples(5)
    bare = Samples(bare.ids, {"x": bare.features["x"]})
    assert model.predict(bare).shape == (5, 2)
    assert model.features_read(make_samples()) == ["x"]


@pytest.mark.parametrize("share", [1.0, 0.25, 0.0])
def test_ranks_count_by_their_rows(share):
    network = Helped().train()
    training = Training.model_validate({"loss": "l1"})
    module = NetworkModule(network, L1(), training, 1, None, 1, Guard("losses", "l1"))
    module._seed = lambda seed: None
    module._trainer = type("At", (), {"global_step": 0, "current_epoch": 0})()
    samples = make_samples(4)
    features = {name: torch.from_numpy(samples.features[name]) for name in ("x", "hint")}
    features["word"] = torch.tensor([list(map(ord, "hay"))] * 4)
    batch = Batch(features, torch.from_numpy(samples.target), None, share=share)
    loss = module.training_step(batch, 0).item()
    plain = np.abs(network(features["x"]).detach().numpy() - samples.target).mean()
    added = network.auxiliary_loss(batch).item()
    assert loss == pytest.approx(share * (plain + added), rel=1e-5)


@pytest.mark.parametrize("answer", [torch.zeros(3), 0.5])
def test_anything_but_one_number_is_refused(tmp_path, monkeypatch, answer):
    monkeypatch.setattr(Helped, "answer", answer)
    with pytest.raises(
        Exception, match=r"gave as its auxiliary loss a (shape \(3,\)|float), and a tensor of one number"
    ):
        fit(tmp_path)
