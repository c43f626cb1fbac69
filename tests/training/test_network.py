"""The Lightning loop: a fit depends on its seed alone, also when it was interrupted; the best epoch is kept."""

import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from ctk.components.info_nce import InfoNCE
from ctk.config.training_keys import Training
from ctk.contract import Batch, FitContext, Metric
from ctk.errors import CtkError, DamagedError
from ctk.samples import Gallery, Samples
from ctk.training.network import as_model


class Tiny(nn.Module):
    features = ("x",)

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(inputs, 16), nn.GELU(), nn.Dropout(0.3), nn.Linear(16, outputs))

    @classmethod
    def for_samples(cls, samples):
        return cls(samples.features["x"].shape[1], samples.target_width)

    def forward(self, x):
        return self.body(x)


def cosine(prediction, samples):
    wanted = samples.target_values()
    return float((prediction * wanted).sum() / np.linalg.norm(prediction) / np.linalg.norm(wanted))


METRIC = Metric("cosine", "max", cosine)


def make_samples(rows=60):
    random = np.random.default_rng(0)
    x = random.normal(size=(rows, 6)).astype(np.float32)
    gallery = Gallery(random.normal(size=(12, 4)).astype(np.float32), np.array([f"{n}" for n in range(12)]))
    target = random.integers(0, 12, rows)
    return Samples(np.arange(rows), {"x": x}, target, {"thing": target}, gallery=gallery)


def make_model(**training):
    model = as_model(Tiny)()
    model.training = Training(**{"epochs": 6, "batch": {"size": 16}, "checkpoint_every": 2, **training})
    return model


def fit(folder, model=None, **context):
    model = model or make_model()
    samples = make_samples()
    model.fit(
        samples.take(np.arange(40)), samples.take(np.arange(40, 60)), FitContext(folder, 5, METRIC, "cpu", **context)
    )
    return model, model.predict(samples)


def kill_fit(folder, **training):
    """A fit that ends after the checkpoint of epoch 4 and before that of epoch 6; returns where its checkpoint lies."""

    class Killed(Exception):
        pass

    def kill(done, total, scores):
        if done == 5:
            raise Killed

    with pytest.raises(Killed):
        fit(folder, make_model(**training), progress=kill)
    return folder / "stage-1" / "last.ckpt"


@pytest.mark.parametrize(
    "training",
    [
        {},
        {"ema": 0.8},
        {"schedule": {"name": "cosine", "warmup": 1}, "clip": 0.5, "batch": {"size": 16, "by": "thing"}},
        {"checkpoint_every": 3, "batch": {"size": 8}},
        {"validate_every": 0.5},
        {"schedule": {"name": "plateau", "patience": 0, "factor": 0.5}, "optimizer": {"lr": 0.3}},
        {"patience": 4, "optimizer": {"lr": 0.3}},
        {"valid_loss": True},
    ],
    ids=["plain", "ema", "schedule", "other checkpoints", "validated twice an epoch", "plateau", "patience", "loss"],
)
def test_an_interrupted_fit_goes_on_to_the_same_predictions(tmp_path, training):
    never, whole = fit(tmp_path / "whole", make_model(**training))
    assert kill_fit(tmp_path / "parts", **training).exists()
    done = []
    model, resumed = fit(tmp_path / "parts", make_model(**training), progress=lambda *told: done.append(told[0]))
    assert done[0] in (4, 5)
    assert done[-1] == 6
    assert np.array_equal(whole, resumed)
    assert model.curve == never.curve


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def flip(path):
    content = bytearray(path.read_bytes())
    content[::50] = bytes(byte ^ 1 for byte in content[::50])
    path.write_bytes(content)


def save_another(path):
    torch.save({**torch.load(path, weights_only=True), "state_dict": {"other": torch.zeros(1)}, "copies": [3]}, path)


DAMAGES = {
    "emptied": lambda path: path.write_bytes(b""),
    "cut": cut,
    "flipped": flip,
    "code": lambda path: torch.save({"network": Path("code")}, path),
    "a list": lambda path: torch.save([1], path),
    "of another": save_another,
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A fit that is done and saved: its folder, and what it predicts."""
    folder = tmp_path_factory.mktemp("whole")
    model, predicted = fit(folder)
    model.save(folder)
    return folder, predicted


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """The folder of a fit that was killed."""
    return kill_fit(tmp_path_factory.mktemp("killed")).parents[1]


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_stage_whose_checkpoint_is_damaged_begins_anew_and_says_so(tmp_path, whole, killed, damage):
    folder = shutil.copytree(killed, tmp_path / "killed")
    damage(folder / "stage-1" / "last.ckpt")
    told = []
    assert np.array_equal(fit(folder, tell=told.append)[1], whole[1])
    assert re.fullmatch(rf"{folder}/stage-1/last\.ckpt: .*\. The stage begins anew\.", *told)


def test_a_stage_whose_result_is_damaged_begins_anew_and_says_so(tmp_path, whole):
    folder = shutil.copytree(whole[0], tmp_path / "whole")
    cut(folder / "stage-1" / "done.pt")
    told = []
    assert np.array_equal(fit(folder, tell=told.append)[1], whole[1])
    assert re.fullmatch(rf"{folder}/stage-1/done\.pt: .*\. The stage begins anew\.", *told)


def test_a_checkpoint_that_lightning_cannot_go_on_from_is_named_and_no_plugin(tmp_path, killed):
    path = shutil.copytree(killed, tmp_path / "killed") / "stage-1" / "last.ckpt"
    torch.save({**torch.load(path, weights_only=True), "loops": {"fit_loop": 5}}, path)
    with pytest.raises(DamagedError, match=r"last\.ckpt: cannot be gone on from") as caught:
        fit(path.parents[1])
    assert "Remove it" in caught.value.help


@pytest.mark.parametrize("damage", [*DAMAGES.values(), os.unlink], ids=[*DAMAGES, "gone"])
def test_saved_weights_that_are_damaged_are_named(tmp_path, whole, damage):
    path = Path(shutil.copy(whole[0] / "weights.pt", tmp_path))
    damage(path)
    with pytest.raises(CtkError, match=rf"{path}: ") as caught:
        make_model().load(tmp_path, make_samples())
    assert "weights_only" not in str(caught.value)


def test_a_checkpoint_that_knows_no_best_weights_is_refused_in_a_sentence(tmp_path):
    path = kill_fit(tmp_path)
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["callbacks"]["Follow"] = checkpoint["callbacks"].pop("ValidationTracker")  # as version 0.1.0 wrote it
    torch.save(checkpoint, path)
    with pytest.raises(CtkError, match="earlier version of the toolkit wrote this checkpoint"):
        fit(tmp_path)
    path.unlink()
    fit(tmp_path)


def test_the_same_seed_gives_the_same_predictions_and_another_seed_others(tmp_path):
    _, first = fit(tmp_path / "1")
    _, second = fit(tmp_path / "2")
    model, samples = make_model(), make_samples()
    model.fit(samples, samples, FitContext(tmp_path / "3", 6, METRIC, "cpu"))
    assert np.array_equal(first, second)
    assert not np.allclose(first, model.predict(samples))


def test_what_was_saved_predicts_the_same(tmp_path):
    model, predicted = fit(tmp_path / "fit")
    model.save(tmp_path / "saved")
    loaded = make_model()
    loaded.load(tmp_path / "saved", make_samples())
    assert np.array_equal(loaded.predict(make_samples()), predicted)


def test_weights_of_another_network_are_told_as_such(tmp_path):
    model, _ = fit(tmp_path / "fit")
    model.save(tmp_path / "saved")
    wider = make_samples()
    wider = replace(wider, features={"x": np.zeros((len(wider), 3), np.float32)})
    with pytest.raises(CtkError, match=r"weights\.pt: these weights are of another network"):
        make_model().load(tmp_path / "saved", wider)


@pytest.mark.parametrize(
    ("direction", "scores"), [("max", [0.1, 0.9, 0.2, 0.3, 0.1, 0.0]), ("min", [0.5, 0.1, 0.9, 0.9, 0.9, 0.9])]
)
def test_the_best_epoch_by_the_metrics_direction_is_kept_not_the_last(tmp_path, direction, scores):
    seen = []

    def scripted(prediction, samples):
        seen.append(prediction.copy())
        return scores[len(seen) - 1]

    model, samples = make_model(), make_samples()
    model.fit(samples, samples, FitContext(tmp_path, 5, Metric("scripted", direction, scripted), "cpu"))
    assert np.allclose(model.predict(samples), seen[1], atol=1e-6)


def test_stages_follow_each_other_and_each_is_done_once(tmp_path):
    stages = ({"epochs": 2}, {"epochs": 3, "optimizer": {"lr": 1e-5}})
    model, first = fit(tmp_path, make_model(stages=stages))
    assert [row["epoch"] for row in model.curve] == [1, 2, 3, 4, 5]
    _, again = fit(tmp_path, make_model(stages=stages))
    assert np.array_equal(first, again)


def test_learning_that_diverges_is_an_error_not_a_submission(tmp_path):
    samples = make_samples()
    broken = replace(samples, features={"x": np.full_like(samples.features["x"], np.nan)})
    with pytest.raises(CtkError, match="without a finite cosine"):
        make_model().fit(broken, broken, FitContext(tmp_path, 5, METRIC, "cpu"))


def test_a_dry_run_makes_two_steps(tmp_path):
    model = make_model()
    samples = make_samples()
    fits = []
    hook = register_optimizer_step_post_hook(lambda *_: fits.append(1))
    model.fit(samples, samples, FitContext(tmp_path, 5, METRIC, "cpu", steps=2))
    hook.remove()
    assert len(fits) == 2
    assert len(model.curve) == 1


def test_a_gpu_that_is_not_there_is_said(tmp_path):
    if torch.cuda.is_available():
        return
    samples = make_samples()
    with pytest.raises(CtkError, match="torch sees none"):
        make_model().fit(samples, samples, FitContext(tmp_path, 5, METRIC, "gpu"))


def test_the_validation_loss_is_that_of_the_kept_weights_and_changes_nothing_else(tmp_path):
    """``best-loss.pt`` holds the weights that the lowest point of the curve is of."""
    plain, expected = fit(tmp_path / "plain")
    model, predicted = fit(tmp_path / "loss", make_model(valid_loss=True))
    np.testing.assert_array_equal(predicted, expected)
    assert [point["cosine"] for point in model.curve] == [point["cosine"] for point in plain.curve]
    model.save(tmp_path / "saved")
    saved = torch.load(tmp_path / "saved/best-loss.pt", weights_only=True)
    valid = make_samples().take(np.arange(40, 60))
    model.network.load_state_dict(saved["network"])
    model.network.eval()
    target = torch.from_numpy(valid.target_values())
    ids = torch.from_numpy(valid.target)
    with torch.no_grad():
        prediction = model.network(torch.from_numpy(valid.features["x"]))
        loss = InfoNCE()(prediction, Batch({}, target, ids))
    assert min(point["valid_loss"] for point in model.curve) == pytest.approx(float(loss), rel=1e-5)
    plain.save(tmp_path / "without")
    assert not (tmp_path / "without/best-loss.pt").exists()


def test_the_weights_of_the_lowest_loss_that_is_named_are_kept_beside_those_of_the_best_score(tmp_path):
    model, predicted = fit(tmp_path / "named", make_model(valid_loss="smooth-l1"))
    np.testing.assert_array_equal(predicted, fit(tmp_path / "plain")[1])
    model.save(tmp_path / "saved")
    saved = torch.load(tmp_path / "saved/best-loss.pt", weights_only=True)
    valid = make_samples().take(np.arange(40, 60))
    model.network.load_state_dict(saved["network"])
    apart = np.abs(model.predict(valid) - valid.target_values())
    by_hand = np.where(apart < 1, apart**2 / 2, apart - 0.5).mean()
    assert min(point["valid_loss"] for point in model.curve) == pytest.approx(by_hand, rel=1e-5)


def test_parts_of_a_network_learn_at_rates_of_their_own(tmp_path):
    def moved(**optimizer):
        model = make_model(epochs=1, optimizer={"name": "adam", "lr": 1e-3, **optimizer})
        torch.manual_seed(5)
        before = {name: value.clone() for name, value in Tiny(6, 4).state_dict().items()}
        fit(tmp_path / str(len(optimizer)), model, steps=1)
        return {name: float((value - before[name]).abs().max()) for name, value in model.network.state_dict().items()}

    plain, own = moved(), moved(lr_by_part={"body": 2e-3, "body.3": 5e-3})
    assert plain["body.0.weight"] == pytest.approx(1e-3, rel=0.01)  # Adam's first step is the rate
    assert own["body.0.weight"] == pytest.approx(2e-3, rel=0.01)
    assert own["body.3.weight"] == pytest.approx(5e-3, rel=0.01)  # the longest name that fits
    with pytest.raises(CtkError, match=r"no part 'bod'\.\nDid you mean 'body'"):
        moved(lr_by_part={"bod": 1e-3}, betas=(0.9, 0.99))


def test_pretrained_weights_are_loaded_for_a_fit_alone(tmp_path):
    loaded = []

    class Begun(Tiny):
        def load_pretrained(self):
            loaded.append(True)
            nn.init.ones_(self.body[0].weight)

    model = as_model(Begun)()
    model.training = Training(optimizer={"lr": 1e-12}, epochs=1)
    fit(tmp_path / "fit", model)
    assert torch.allclose(model.network.body[0].weight, torch.ones(()))
    model.memory(make_samples())
    model.save(tmp_path)
    model.load(tmp_path, make_samples(), "cpu")
    assert loaded == [True]


def test_a_network_counts_its_parameters(tmp_path):
    model, _ = fit(tmp_path)
    assert model.size == (6 * 16 + 16) + (16 * 4 + 4)


def test_how_far_a_fit_is_is_told_within_its_epochs_too(tmp_path):
    told = []
    fit(tmp_path, make_model(epochs=2, batch={"size": 20}), working=lambda done, total: told.append((done, total)))
    assert told == [(0, 2), (0.5, 2), (1, 2), (1.5, 2), (2, 2)]


class Limit:
    """Time that is up when a fit asks for the ``last`` time; it keeps what was asked."""

    def __init__(self, last):
        self.last = last
        self.asked = []

    def is_up(self, share=1.0, ahead=0.0):
        self.asked.append(share)
        return len(self.asked) >= self.last


@pytest.mark.parametrize(("last", "epochs"), [(5 + 1, 1), (5 + 3, 3)])
def test_a_fit_whose_time_is_up_ends_after_an_epoch_with_what_it_has(tmp_path, last, epochs):
    # The first epoch asks after each of its batches too, as nothing is validated that could be kept.
    training = {"batch": {"size": 8}}
    never, _ = fit(tmp_path / "whole", make_model(**training))
    model, predicted = fit(tmp_path / "cut", make_model(**training), limit=Limit(last))
    assert [point["epoch"] for point in model.curve] == list(range(1, epochs + 1))
    assert model.curve == never.curve[:epochs]
    assert np.isfinite(predicted).all()


def test_a_first_epoch_that_is_too_long_is_validated_in_its_midst(tmp_path):
    model, predicted = fit(tmp_path, make_model(batch={"size": 8}, validate_every=3), limit=Limit(2))
    assert len(model.curve) == 1
    assert np.isfinite(predicted).all()


def test_each_stage_has_its_share_of_the_time(tmp_path):
    limit = Limit(10_000)
    fit(tmp_path, make_model(epochs=1, stages=[{}, {"epochs": 3}]), limit=limit)
    assert sorted(set(limit.asked)) == [0.25, 1.0]
