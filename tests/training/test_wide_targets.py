"""Networks of many target columns: scaled targets, losses that know the samples, and copies by target group."""

from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from ctk.config.training_keys import Training
from ctk.contract import FitContext, Metric
from ctk.errors import CtkError, UsageError
from ctk.plugins import Component, Plugin, Plugins
from ctk.plugins.guard import Guard
from ctk.samples import Samples, Targets
from ctk.training import stage
from ctk.training.devices import precision_on
from ctk.training.network import as_model

GROUPS = ["first"] * 3 + ["second"] * 2 + ["third"]


class Wide(nn.Module):
    features = ("x",)

    def __init__(self, mean, spread) -> None:
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(mean))
        self.register_buffer("spread", torch.from_numpy(spread))
        self.body = nn.Sequential(nn.Linear(6, 16), nn.GELU(), nn.Dropout(0.1), nn.Linear(16, len(mean)))

    @classmethod
    def for_samples(cls, samples):
        return cls(samples.constants["mean"], samples.constants["spread"])

    def forward(self, x):
        return self.body(x)

    def scale(self, target):
        return ((target - self.mean) / self.spread).float()

    def unscale(self, output):
        return (output.double() * self.spread + self.mean).float()


class Squares(nn.Module):
    """Mean square by column weights, which keeps what it was called with."""

    def __init__(self, weights=None, *, power: float = 2.0) -> None:
        super().__init__()
        self.weights = weights
        self.power = power
        self.seen = []

    @classmethod
    def for_samples(cls, samples, **options):
        return cls(torch.from_numpy(samples.constants["weights"]).float(), **options)

    def forward(self, prediction, batch):
        self.seen.append((prediction.shape[1], batch.target.clone(), batch.columns))
        weights = self.weights if batch.columns is None else self.weights[batch.columns]
        return ((prediction - batch.target).abs() ** self.power).mean(0) @ weights


@pytest.fixture(autouse=True)
def squares():
    """A registry that knows the one loss of this module."""
    offers = [Component("losses", "squares", Squares, "", "tests", "tests")]
    known = Plugins([Plugin("tests", "tests", "1", "tests", offers=offers, loaded=True)])
    with patch("ctk.plugins.guard.guards.plugins", return_value=known):
        yield


def r2(prediction, samples):
    error = ((prediction - samples.target) ** 2).sum(0)
    return float((1 - error / ((samples.target - samples.target.mean(0)) ** 2).sum(0)).mean())


R2 = Metric("r2", "max", r2)


def make_samples(rows=60):
    random = np.random.default_rng(0)
    x = random.normal(size=(rows, 6)).astype(np.float32)
    scale = 10.0 ** np.arange(-8.0, 4.0, 2.0)
    target = (np.tanh(x @ random.normal(size=(6, 6))) + 3.0) * scale
    constants = {"mean": target.mean(0), "spread": target.std(0), "weights": np.ones(6)}
    never_read = np.full((rows, 2), np.nan)
    names = np.array([f"t{n}" for n in range(6)])
    return Samples(
        np.arange(rows),
        {"x": x, "never_read": never_read},
        target,
        constants=constants,
        targets=Targets(names, np.array(GROUPS)),
    )


def make_model(**training):
    model = as_model(Wide)()
    model.training = Training(
        **{"loss": "squares", "epochs": 4, "optimizer": {"lr": 0.01}, "batch": {"size": 16}, **training}
    )
    return model


COPIES = ({"epochs": 2}, {"copies": "target-groups", "epochs": 3, "optimizer": {"lr": 0.003}, "checkpoint_every": 1})


def fit(folder, model, samples=None, metric=R2, **context):
    samples = samples or make_samples()
    train, valid = samples.take(np.arange(40)), samples.take(np.arange(40, 60))
    model.fit(train, valid, FitContext(folder, 5, metric, "cpu", **context))
    return valid


def losses_of(folder, model, **context):
    made = []

    def make(kind, loss, train):
        made.append(Squares.for_samples(train, **loss.options))
        return made[-1], Guard(kind, loss.name)

    with patch.object(stage, "make_component", make):
        fit(folder, model, **context)
    return made


def test_the_loss_sees_scaled_targets_and_predictions_are_in_the_samples_units(tmp_path):
    model = make_model(epochs=30)
    (loss,) = losses_of(tmp_path, model)
    seen = torch.cat([target for _, target, _ in loss.seen[:3]])
    assert seen.dtype == torch.float32
    assert seen.std() == pytest.approx(1, abs=0.2)
    samples = make_samples()
    predicted = model.predict(samples)
    assert predicted.dtype == np.float32
    assert np.abs(predicted.mean(0) / samples.target.mean(0) - 1).max() < 0.2
    assert model.curve[-1]["r2"] == pytest.approx(r2(predicted[40:], samples.take(np.arange(40, 60))), abs=0.2)


def test_a_loss_is_made_for_the_samples_with_its_options(tmp_path):
    samples = make_samples()
    samples = replace(samples, constants={**samples.constants, "weights": np.array([1.0, 0, 0, 0, 0, 0])})
    with patch.object(Squares, "for_samples", wraps=Squares.for_samples) as make:
        fit(tmp_path, make_model(loss={"name": "squares", "power": 4.0}), samples)
    made_for = make.call_args.args[0]
    assert len(made_for) == 40
    assert made_for.constants["weights"].tolist() == [1, 0, 0, 0, 0, 0]
    assert make.call_args.kwargs == {"power": 4.0}


def test_each_copy_is_trained_on_its_own_columns_alone(tmp_path):
    losses = losses_of(tmp_path, make_model(stages=COPIES))
    assert len(losses) == 4
    assert all(columns is None and width == 6 for width, _, columns in losses[0].seen)
    for loss, wanted in zip(losses[1:], ([0, 1, 2], [3, 4], [5]), strict=True):
        assert all(width == len(wanted) for width, _, _ in loss.seen)
        assert all(columns.tolist() == wanted for _, _, columns in loss.seen)


def test_every_step_drops_out_also_after_a_prediction_of_the_whole(tmp_path):
    modes = []

    def forward(self, x):
        modes.append((torch.is_grad_enabled(), self.body[2].training))
        return self.body(x)

    with patch.object(Wide, "forward", forward):
        fit(tmp_path, make_model(stages=COPIES))
    assert len({dropping for learning, dropping in modes if learning}) == 1
    assert all(dropping == learning for learning, dropping in modes)


def test_copies_predict_their_own_columns_and_begin_with_the_best_of_the_stage_before(tmp_path):
    model = make_model(stages=COPIES)
    valid = fit(tmp_path, model)
    assert [columns.tolist() for columns, _ in model.copies] == [[0, 1, 2], [3, 4], [5]]
    predicted = model.predict(valid)
    for columns, weights in model.copies:
        alone = Wide.for_samples(make_samples().take(np.arange(40)))
        alone.load_state_dict(weights)
        with torch.inference_mode():
            wanted = alone.eval().unscale(alone(torch.from_numpy(valid.features["x"])))
        assert np.array_equal(predicted[:, columns], wanted.numpy()[:, columns])
    before = make_model(stages=COPIES[:1])
    fit(tmp_path, before)  # its stage is done: this loads it
    assert r2(predicted, valid) > r2(before.predict(valid), valid)


@pytest.mark.parametrize("lr", [10.0, 0.003], ids=["ruinous", "useful"])
def test_a_stage_of_copies_never_loses_on_validation(tmp_path, lr):
    base = make_model(stages=COPIES[:1])
    valid = fit(tmp_path / "base", base)
    model = make_model(stages=(COPIES[0], {**COPIES[1], "optimizer": {"lr": lr}}))
    fit(tmp_path / "copies", model)
    assert r2(model.predict(valid), valid) >= r2(base.predict(valid), valid)
    if lr == 10.0:
        assert model.copies == []
        assert np.array_equal(model.predict(valid), base.predict(valid))


def test_a_metric_that_mixes_columns_does_not_lose_either(tmp_path):
    def worst(prediction, samples):
        error = ((prediction - samples.target) ** 2).mean(0) / samples.target.var(0)
        return float(error.max() * error.mean())

    metric = Metric("worst", "min", worst)
    base, model = make_model(stages=COPIES[:1]), make_model(stages=COPIES)
    valid = fit(tmp_path / "base", base, metric=metric)
    fit(tmp_path / "copies", model, metric=metric)
    assert model.copies
    assert worst(model.predict(valid), valid) <= worst(base.predict(valid), valid)


def test_the_curve_and_the_progress_go_on_over_the_copies(tmp_path):
    told = []
    model = make_model(stages=COPIES)
    fit(tmp_path, model, progress=lambda done, total, scores: told.append((done, total)))
    assert [row["epoch"] for row in model.curve] == list(range(1, 12))
    assert told == [(epoch, 11) for epoch in range(1, 12)]


@pytest.mark.parametrize(
    ("at", "finished"),
    [
        (3, {"stage-1"}),
        (7, {"stage-1", "copy-1"}),
        (10, {"stage-1", "copy-1", "copy-2"}),
        (11, {"stage-1", "copy-1", "copy-2"}),
    ],
)
def test_a_fit_killed_in_any_copy_goes_on_there_to_the_same_predictions(tmp_path, at, finished):
    whole = make_model(stages=COPIES)
    valid = fit(tmp_path / "whole", whole)

    class Killed(Exception):
        pass

    def kill(done, total, scores):
        if done == at:
            raise Killed

    with pytest.raises(Killed):
        fit(tmp_path / "parts", make_model(stages=COPIES), progress=kill)
    assert {path.parent.name for path in (tmp_path / "parts").rglob("done.pt")} == finished
    told = []
    resumed = make_model(stages=COPIES)
    fit(tmp_path / "parts", resumed, progress=lambda done, *_: told.append(done))
    assert told[0] >= at - 1
    assert np.array_equal(whole.predict(valid), resumed.predict(valid))
    assert resumed.curve == whole.curve


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_copy_that_stays_as_it_is_has_the_score_it_began_with_in_any_precision(tmp_path, precision):
    still = {"copies": "target-groups", "epochs": 2, "optimizer": {"lr": 1e-30}}
    model = make_model(stages=({"epochs": 2}, still), precision=precision)
    fit(tmp_path, model)
    assert [row["r2"] for row in model.curve[2:]] == [max(row["r2"] for row in model.curve[:2])] * 6
    assert model.copies == []


@pytest.mark.parametrize(("flags", "precision"), [({"amx_bf16"}, "bf16-mixed"), ({"avx512_bf16"}, "32-true")])
def test_precision_auto_is_half_where_a_processor_multiplies_matrices_in_it(flags, precision):
    with patch("ctk.training.devices.processor_flags", return_value=flags):
        assert precision_on(torch.device("cpu"), "auto") == precision
    assert precision_on(torch.device("cpu"), "16-mixed") == "16-mixed"


def test_a_group_of_which_members_decide_nothing_has_no_copy(tmp_path):
    metric = replace(R2, columns=lambda samples: np.array([True, False, False, False, False, True]))
    model = make_model(stages=COPIES)
    fit(tmp_path, model, metric=metric)
    assert [columns.tolist() for columns, _ in model.copies] == [[0, 1, 2], [5]]
    assert model.curve[-1]["epoch"] == 2 + 2 * 3


def test_copies_are_saved_and_loaded(tmp_path):
    model = make_model(stages=COPIES)
    valid = fit(tmp_path / "fit", model)
    model.save(tmp_path)
    loaded = make_model(stages=COPIES)
    other = make_samples(9)  # with statistics of its own, which must not matter
    loaded.load(tmp_path, other)
    assert np.array_equal(loaded.predict(valid), model.predict(valid))


@pytest.mark.parametrize(
    "training",
    [
        {"copies": "target-groups"},
        {"stages": ({"copies": "target-groups"}, {})},
        {"stages": ({"copies": "target-groups"},)},
        {"copies": "target-groups", "stages": ({}, {})},
    ],
)
def test_copies_stand_in_the_last_of_several_stages(training):
    with pytest.raises(UsageError, match="Copies are trained last"):
        Training(**training).phases()


def test_copies_of_samples_without_target_groups_are_an_error(tmp_path):
    with pytest.raises(CtkError, match="have one group"):
        fit(tmp_path, make_model(stages=COPIES), replace(make_samples(), targets=None))


def test_validations_within_an_epoch_have_fractional_epochs(tmp_path):
    model = make_model(validate_every=0.5, epochs=2)
    fit(tmp_path, model)
    assert [row["epoch"] for row in model.curve] == [0.5, 1, 1.5, 2]
    assert all(np.isfinite(row["loss"]) for row in model.curve)


def test_training_stops_when_validations_bring_no_gain(tmp_path):
    scores = iter([0.1, 0.3, 0.2, 0.3, 0.1, 0.9])
    told = []
    model = make_model(patience=3, epochs=9)
    metric = Metric("scripted", "max", lambda prediction, samples: next(scores))
    fit(tmp_path, model, metric=metric, progress=lambda done, *_: told.append(done))
    assert [row["scripted"] for row in model.curve] == [0.1, 0.3, 0.2, 0.3, 0.1]
    assert told == [1, 2, 3, 4, 9]


def test_a_plateau_lowers_the_learning_rate(tmp_path):
    rates, scores = [], iter([0.5, 0.4, 0.4, 0.4, 0.4, 0.4])
    hook = register_optimizer_step_post_hook(lambda optimizer, *_: rates.append(optimizer.param_groups[0]["lr"]))
    schedule = {"name": "plateau", "factor": 0.1, "patience": 1, "floor": 5e-4}
    metric = Metric("scripted", "max", lambda prediction, samples: next(scores))
    fit(tmp_path, make_model(schedule=schedule, epochs=6, batch={"size": 64}), metric=metric)
    hook.remove()
    assert rates == pytest.approx([0.01, 0.01, 0.01, 0.001, 0.001, 0.0005])
