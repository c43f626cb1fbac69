"""What trackers are promised, and what they cannot do to a fit."""

from __future__ import annotations

import csv
import logging
import sys

import numpy as np
import pytest
import yaml
from lightning.fabric.utilities.rank_zero import rank_zero_module
from lightning.pytorch.loggers import CSVLogger
from torch import nn

from ctk.config.training_keys import Training
from ctk.contract import Choice, FitContext, Metric
from ctk.errors import CtkError
from ctk.plugins import Plugins, plugins
from ctk.samples import Gallery, Samples
from ctk.training.loggers import GuardedLogger, make_loggers
from ctk.training.network import as_model
from ctk.training.tracking import FitLocation


class Failing(CSVLogger):
    """Its disk is full at the third step."""

    def log_metrics(self, metrics, step=None):
        if step == 3:
            raise OSError(28, "No space left on device")
        super().log_metrics(metrics, step)


@pytest.fixture
def offered(monkeypatch):
    """Offer a tracker named ``mine`` beside the built-in ones."""

    def offer(thing):
        load = Plugins.load
        monkeypatch.setattr(
            Plugins, "load", lambda self, kind, name: thing if name == "mine" else load(self, kind, name)
        )
        return [Choice(name="mine")]

    assert plugins()
    return offer


def test_a_logger_that_fails_is_told_of_once_and_left_alone(tmp_path):
    told = []
    logger = GuardedLogger(Failing(tmp_path), "mine", told.append)
    for step in range(1, 6):
        logger.log_metrics({"loss": 1.0}, step)
    logger.save()
    logger.finalize("success")
    assert told == ["mine failed and is not logged to any more: OSError: [Errno 28] No space left on device"]


def test_a_tracker_that_exits_when_called_is_left_out_and_told_of(offered, tmp_path):
    told = []
    assert make_loggers(offered(lambda folder, name: sys.exit(3)), tmp_path, "stage-1", told.append) == []
    assert told == ["stage-1 is not logged to mine: SystemExit: 3"]


def test_a_tracker_that_the_user_should_mend_ends_the_fit_before_it_begins(offered, tmp_path):
    def tracker(folder, name):
        raise CtkError("mine: there is no project 'x'.", "Make it.")

    with pytest.raises(CtkError, match="no project"):
        make_loggers(offered(tracker), tmp_path, "stage-1", print)


def test_an_interrupted_fit_is_aborted_and_not_failed(tmp_path):
    ends = []

    class Ending(CSVLogger):
        def finalize(self, status):
            ends.append(status)

    logger = GuardedLogger(Ending(tmp_path), "mine", print)
    for error in (KeyboardInterrupt(), ValueError()):
        try:
            raise error
        except BaseException:
            logger.finalize("failed")
    logger.finalize("success")
    assert ends == ["aborted", "failed", "success"]


def test_a_place_names_run_and_fit(tmp_path):
    run = tmp_path / "runs" / "toy" / "1121-quick"
    run.mkdir(parents=True)
    (run / "config.yaml").touch()
    place = FitLocation.of(run / "members" / "mlp" / "seed-1" / "fold-0" / "checkpoints" / "stage-2" / "copy-3")
    assert place == FitLocation(run, "mlp/seed-1/fold-0/stage-2/copy-3")
    assert place.competition == "toy"


def test_a_folder_outside_of_runs_is_its_own_place(tmp_path):
    assert FitLocation.of(tmp_path / "stage-1") == FitLocation(tmp_path / "stage-1", "stage-1")


class Small(nn.Module):
    features = ("x",)

    def __init__(self, *, hidden: int = 16) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, hidden), nn.Linear(hidden, 2))

    @classmethod
    def for_samples(cls, samples, **options):
        return cls(**options)

    def forward(self, x):
        return self.body(x)


def fit(folder, trackers):
    """Fit three epochs."""
    random = np.random.default_rng(0)
    gallery = Gallery(random.normal(size=(12, 2)).astype(np.float32), np.array([f"{n}" for n in range(12)]))
    x = random.normal(size=(40, 3)).astype(np.float32)
    samples = Samples(np.arange(40), {"x": x}, random.integers(0, 12, 40), gallery=gallery)
    metric = Metric(
        "closeness", "max", lambda prediction, samples: -float(np.abs(prediction - samples.target_values()).mean())
    )
    model = as_model(Small)(hidden=8)
    model.training = Training(epochs=3, optimizer={"lr": 0.01})
    model.fit(samples, samples, FitContext(folder, 5, metric, "cpu", trackers))


@pytest.fixture
def fitted(tmp_path):
    """The folder of a fit of three epochs that was logged to csv and tensorboard."""
    fit(tmp_path, [Choice(name="tensorboard"), Choice(name="csv")])
    return tmp_path


def test_lightnings_hints_are_not_heard_whatever_a_trackers_library_imports(offered, tmp_path, monkeypatch, caplog):
    def imports_lightning_by_its_other_name(folder, name):
        other = logging.getLogger("pytorch_lightning.utilities.rank_zero")
        other.setLevel(logging.INFO)
        monkeypatch.setattr(rank_zero_module, "log", other)
        return CSVLogger(folder)

    fit(tmp_path, offered(imports_lightning_by_its_other_name))
    assert list((tmp_path / "stage-1").rglob("metrics.csv"))
    assert caplog.messages == []


def test_no_tracker_is_told_the_secrets_of_urls():
    told = []

    class Recorder(CSVLogger):
        def log_hyperparams(self, params):
            told.append(params)

    params = {"trackers": [{"name": "mlflow", "uri": "https://me:secret@host/?key=secret"}], "lr": 0.1}
    GuardedLogger(Recorder("nowhere"), "recorder", print).log_hyperparams(params)
    assert told == [{"trackers": [{"name": "mlflow", "uri": "https://me:***@host/?key=***"}], "lr": 0.1}]


def test_csv_and_tensorboard_keep_hyperparameters_and_a_row_an_epoch(fitted):
    """``epoch`` is there as a number; a made-up metric for the hyperparameters is not."""
    with next(fitted.glob("stage-1/csv/attempt-1/metrics.csv")).open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["epoch"]) for row in rows] == [1, 2, 3]
    assert all(row["step"] == str(number) for number, row in enumerate(rows, start=1))
    assert {"loss", "closeness", "best_closeness"} <= rows[0].keys()
    for kept in (fitted / "stage-1/csv/attempt-1/hparams.yaml", fitted / "stage-1/tensorboard/hparams.yaml"):
        facts = yaml.safe_load(kept.read_text())
        assert facts["seed"] == 5
        assert facts["model"] == {"name": "Small", "hidden": 8}
        assert facts["optimizer"]["lr"] == 0.01
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(fitted / "stage-1/tensorboard"))
    events.Reload()
    assert set(events.Tags()["scalars"]) == {"epoch", "loss", "closeness", "best_closeness"}
