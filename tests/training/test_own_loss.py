"""Networks with a loss of their own, and networks that predict text: trained, validated, gone on with and loaded."""

import numpy as np
import pytest
import torch
from torch import nn

from ctk.config.training_keys import Training
from ctk.contract import FitContext, Metric
from ctk.errors import UsageError
from ctk.plugins.guard import ContractViolation
from ctk.samples import Samples
from ctk.testing.toy.toy_network import ToyNetwork, ToyTextNetwork
from ctk.testing.toy.toy_samples import make_toy_samples
from ctk.training import text_codes, texts_of
from ctk.training.datasets import FeaturesDataset, SamplesDataset
from ctk.training.network import as_model

EXACT = Metric("exact", "max", lambda prediction, samples: float((prediction == samples.target).mean()))
TEXTS = np.array(["", "ja", "näher 🛒", "x" * 200])


class Killed(Exception):
    pass


class Noisy(ToyTextNetwork):
    """Its loss draws at random, and counts the texts that it is asked for."""

    def training_loss(self, batch):
        batch.features["x"] = nn.functional.dropout(batch.features["x"], 0.3)
        return super().training_loss(batch)


def make_model(network=ToyTextNetwork, **training):
    model = as_model(network)()
    model.training = Training.model_validate(
        {"loss": "own", "epochs": 4, "batch": {"size": 16}, "optimizer": {"lr": 0.01}, "checkpoint_every": 1} | training
    )
    return model


def fit(folder, model, samples=None, **context):
    train, _ = make_toy_samples("toy-text") if samples is None else (samples, None)
    context = {"seed": 3, "metric": EXACT, "device": "cpu"} | context
    model.fit(train.take(np.arange(64)), train.take(np.arange(64, 96)), FitContext(folder, **context))
    return model


def test_text_goes_to_code_points_and_back():
    codes = text_codes(TEXTS)
    assert codes.shape == (4, 128)
    assert codes.dtype == torch.int32
    assert texts_of(codes.numpy()).tolist() == ["", "ja", "näher 🛒", "x" * 128]
    assert texts_of(np.array([[65, 0, 66]], np.int32)).tolist() == ["A"]  # nothing comes after the end
    assert texts_of(np.zeros((2, 0), np.int32)).tolist() == ["", ""]


def test_batches_have_texts_as_code_points():
    candidates = np.array([["one", "two"], ["", "three"]])
    samples = Samples(np.arange(2), {"candidates": candidates}, np.array(["two", "drei"]))
    batch = SamplesDataset(samples, ["candidates"])[torch.tensor([1, 0])]
    assert texts_of(batch.target.numpy()).tolist() == ["drei", "two"]
    assert batch.features["candidates"].shape == (2, 2, 128)
    assert texts_of(batch.features["candidates"][:, 1].numpy()).tolist() == ["three", "two"]
    assert FeaturesDataset(samples, ["candidates"])[slice(0, 1)]["candidates"].shape == (1, 2, 128)


def test_a_network_learns_words_and_is_loaded_as_it_was(tmp_path):
    model = fit(tmp_path, make_model(epochs=15, optimizer={"lr": 0.05}, checkpoint_every=15))
    train, test = make_toy_samples("toy-text")
    predicted = model.predict(test)
    assert predicted.dtype.kind == "U"
    assert (predicted == test.target).mean() > 0.6
    (tmp_path / "saved").mkdir()
    model.save(tmp_path / "saved")
    for known in (train, Samples(train.ids[:0], {"x": train.features["x"][:0]})):  # or a test alone, without a target
        loaded = make_model()
        loaded.load(tmp_path / "saved", known, "cpu")
        assert loaded.predict(test).tolist() == predicted.tolist()


@pytest.mark.parametrize("training", [{}, {"batch": {"size": 16, "accumulate": 3}, "ema": 0.9}])
def test_a_fit_that_was_killed_ends_with_the_same_words_and_weights(tmp_path, training):
    def kill(done, total, scores):
        if done == 3:
            raise Killed

    whole = fit(tmp_path / "whole", make_model(Noisy, **training))
    with pytest.raises(Killed):
        fit(tmp_path / "killed", make_model(Noisy, **training), progress=kill)
    again = fit(tmp_path / "killed", make_model(Noisy, **training))
    assert again.curve == whole.curve
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[name]), name


@pytest.mark.parametrize(
    ("network", "training", "problem"),
    [
        (ToyTextNetwork, {"loss": "mse"}, "'loss' is mse, and the network ToyTextNetwork is trained by a loss of its"),
        (ToyNetwork, {}, "'loss' is own, and the network ToyNetwork has no training_loss"),
        (ToyNetwork, {"loss": "mse"}, "'loss' is mse, which compares numbers, and the target is text"),
        (ToyTextNetwork, {"valid_loss": "mse"}, "'valid_loss' is mse, which compares numbers"),
        (ToyTextNetwork, {"tta": ["flips"]}, "'tta': looks have a mean, and the target is text"),
    ],
)
def test_what_text_and_own_losses_do_not_go_with_is_said_before_a_fit(tmp_path, network, training, problem):
    with pytest.raises(UsageError, match=problem):
        fit(tmp_path, make_model(network, **training))


def test_a_loss_of_validation_samples_may_be_the_networks_own(tmp_path):
    model = fit(tmp_path, make_model(valid_loss=True, epochs=2))
    assert model.curve[1]["valid_loss"] < model.curve[0]["valid_loss"]
    assert model.best_by_loss is not None


@pytest.mark.parametrize(
    ("made", "problem"),
    [
        (lambda self, x: torch.zeros(len(x), 8), r"returned a tensor of float32 of shape \(32, 8\)"),
        (lambda self, x: torch.zeros(len(x), dtype=torch.int32), r"returned a tensor of int32 of shape \(32,\)"),
    ],
)
def test_a_network_of_text_that_returns_no_code_points_is_refused(tmp_path, made, problem):
    network = type("Odd", (ToyTextNetwork,), {"forward": made})
    with pytest.raises(ContractViolation, match=problem):
        fit(tmp_path, make_model(network))


def test_a_training_loss_that_is_no_number_is_refused(tmp_path):
    network = type("Odd", (ToyTextNetwork,), {"training_loss": lambda self, batch: torch.zeros(3)})
    with pytest.raises(ContractViolation, match=r"gave as its training loss a shape \(3,\)"):
        fit(tmp_path, make_model(network))


def test_text_is_generated_in_the_trainings_precision(tmp_path):
    seen = set()

    def forward(self, x):
        seen.add((self.training, torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else None))
        return ToyTextNetwork.forward(self, x)

    model = make_model(type("Watched", (ToyTextNetwork,), {"forward": forward}), epochs=1, precision="bf16-mixed")
    fit(tmp_path, model).predict(make_toy_samples("toy-text")[1])
    assert seen == {(False, torch.bfloat16)}


def test_memory_is_told_by_the_loss_that_is_taken():
    needed = make_model().memory(make_toy_samples("toy-text")[0], "cpu")
    weights = 4 * sum(each.numel() for each in ToyTextNetwork().parameters())
    assert needed > 5 * weights


def test_batches_of_a_step_are_as_one_batch(tmp_path):
    whole, pieces = (
        fit(tmp_path / str(size), make_model(epochs=1, batch={"size": size, "accumulate": 24 // size}))
        for size in (24, 8)
    )
    # 64 rows: steps of 24, 24 and 16, in the same order
    for name, value in whole.network.state_dict().items():
        torch.testing.assert_close(value, pieces.network.state_dict()[name], rtol=1e-4, atol=1e-6)
