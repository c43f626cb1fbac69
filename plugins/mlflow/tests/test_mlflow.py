"""What is promised of the mlflow tracker, with the real client and a real database."""

from __future__ import annotations

import shutil
import signal
import socket
import sqlite3
import subprocess
import sys

import pytest
from mlflow.tracking import MlflowClient

from ctk.errors import CtkError
from ctk.testing import check_plugin
from ctk_mlflow import tracked as tracked_module
from ctk_mlflow.store import Store
from ctk_mlflow.tracked import Tracked
from ctk_mlflow.tracker import Mlflow

EPOCHS = list(range(1, 9))


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture
def toy_run(toy_run):
    toy_run.tracker = "mlflow"
    return toy_run


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """An empty database: to make one takes seconds."""
    path = tmp_path_factory.mktemp("database") / "empty.db"
    Store(f"sqlite:///{path}", "toy", path.parent)
    return path


@pytest.fixture
def store(tmp_path, database):
    shutil.copy(database, tmp_path / "own.db")
    return Store(f"sqlite:///{tmp_path}/own.db", "toy", tmp_path)


def tracked_runs(toy_run):
    """The client, and the tracked runs by name."""
    client = MlflowClient(f"sqlite:///{toy_run.home.runs}/mlflow.db")
    experiment = client.get_experiment_by_name("toy-regression")
    return client, {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}


def steps(client, run, key="loss"):
    return [metric.step for metric in client.get_metric_history(run.info.run_id, key)]


@pytest.mark.slow
def test_a_run_is_a_finished_parent_with_scores_over_finished_fits_with_curves(toy_run):
    before = set(toy_run.home.work.iterdir())
    printed = toy_run.run()
    assert "mlflow" not in printed
    assert set(toy_run.home.work.iterdir()) - before == {toy_run.home.work / "go"}
    assert {path.name for path in toy_run.home.runs.iterdir()} == {"toy-regression", "mlflow.db"}
    client, runs = tracked_runs(toy_run)
    whole, fit = runs[toy_run.folder.name], runs["toy-network/seed-1/fold-0/stage-1"]
    assert len(runs) == 2
    assert whole.info.status == fit.info.status == "FINISHED"
    assert fit.data.tags["mlflow.parentRunId"] == whole.info.run_id
    assert fit.data.tags["ctk.run"] == toy_run.folder.name
    assert fit.data.params["optimizer.lr"] == "0.01"
    assert fit.data.params["seed"] == "1"
    assert whole.data.params["competition"] == "toy-regression"
    assert {"toy-mse", "members/toy-network/seed-1/toy-mse"} <= whole.data.metrics.keys()
    for key in ("epoch", "loss", "toy-mse", "best_toy-mse"):
        assert steps(client, fit, key) == EPOCHS
    assert [metric.value for metric in client.get_metric_history(fit.info.run_id, "epoch")] == EPOCHS


@pytest.mark.slow
def test_a_killed_run_goes_on_in_the_same_tracked_runs_without_gap_or_repetition(toy_run):
    toy_run.stop(signal.SIGKILL)
    client, before = tracked_runs(toy_run)
    assert {run.info.status for run in before.values()} == {"RUNNING"}
    assert steps(client, before["toy-network/seed-1/fold-0/stage-1"]) == EPOCHS[:5]
    toy_run.resume()
    client, after = tracked_runs(toy_run)
    assert {name: run.info.run_id for name, run in after.items()} == {
        name: run.info.run_id for name, run in before.items()
    }
    assert {run.info.status for run in after.values()} == {"FINISHED"}
    assert steps(client, after["toy-network/seed-1/fold-0/stage-1"]) == EPOCHS


@pytest.mark.slow
def test_a_dry_run_tracks_nothing(toy_run):
    toy_run.run("--dry-run")
    assert not (toy_run.home.runs / "mlflow.db").exists()
    assert not list(toy_run.folder.rglob("mlflow.json"))


@pytest.mark.slow
def test_a_server_that_does_not_answer_ends_a_run_before_it_has_a_folder(toy_run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    toy_run.variables = {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    process = toy_run.start()
    printed, _ = process.communicate(timeout=300)
    assert process.returncode == 1
    assert f"mlflow: http://127.0.0.1:{port} cannot be used" in printed
    assert "Traceback" not in printed
    assert not list(toy_run.home.runs.glob("*/*"))


@pytest.mark.parametrize("uri", ["file://{file}/mlruns", "sqlite:///{file}/all.db", "gopher://me:secret@x"])
def test_a_store_that_cannot_be_used_is_told_in_a_sentence_without_a_password(uri, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CtkError, match=r"mlflow: .* cannot be used \([^\n]*\)\.\nLook at tracking_uri") as error:
        Mlflow.check(tracking_uri=uri.format(file=tmp_path / "file"))
    assert "//me:secret" not in error.value.problem.partition("(")[0]


def test_a_deleted_experiment_is_told_in_a_sentence(store, tmp_path):
    store.client.delete_experiment(store.experiment)
    with pytest.raises(CtkError, match="'toy' was deleted"):
        Store(f"sqlite:///{tmp_path}/own.db", "toy", tmp_path)


def test_a_store_that_is_lost_after_a_run_has_begun_is_no_reason_to_end_it(tmp_path, database):
    """What is no CtkError leaves the fit going, see ctk.components.trackers."""
    run = tmp_path / "runs" / "toy" / "1"
    first, second = (run / "members" / "mlp" / "seed-1" / "fold-0" / "checkpoints" / f"stage-{n}" for n in (1, 2))
    for folder in (first, second):
        folder.mkdir(parents=True)
    (run / "config.yaml").touch()
    shutil.copy(database, tmp_path / "runs" / "mlflow.db")
    lost = f"sqlite:///{run / 'config.yaml'}/all.db"
    with pytest.raises(CtkError):
        Mlflow(first, "stage-1", tracking_uri=lost)
    Mlflow(first, "stage-1").finalize("success")
    with pytest.raises(RuntimeError, match="cannot be used"):
        Mlflow(second, "stage-2", tracking_uri=lost)


@pytest.mark.slow
def test_numbers_wait_while_the_store_takes_none(store, tmp_path, monkeypatch):
    monkeypatch.setattr(tracked_module, "PAUSE", 0.0)
    run = Tracked(store, tmp_path, "fit", {})
    run.log_metrics({"loss": 3.0}, 1)
    with sqlite3.connect(tmp_path / "own.db", isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        run.log_metrics({"loss": 2.0}, 2)
        other.execute("ROLLBACK")
    run.log_metrics({"loss": 1.0}, 3)
    run.finalize("success")
    history = store.client.get_metric_history(run.id, "loss")
    assert [(metric.step, metric.value) for metric in history] == [(1, 3.0), (2, 2.0), (3, 1.0)]


@pytest.mark.parametrize(("status", "shown"), [("success", "FINISHED"), ("failed", "FAILED"), ("aborted", "KILLED")])
def test_the_end_of_a_fit_is_shown(store, tmp_path, status, shown):
    run = Tracked(store, tmp_path, "fit", {})
    run.finalize(status)
    assert store.client.get_run(run.id).info.status == shown
    assert Tracked(store, tmp_path, "fit", {}).id == run.id
    assert store.client.get_run(run.id).info.status == "RUNNING"


def test_what_mlflow_has_no_letters_for_is_logged_under_another_name(store, tmp_path):
    run = Tracked(store, tmp_path, "fit", {})
    run.log_metrics({"recall@10": 0.5}, 1)
    run.finalize("success")
    assert store.client.get_run(run.id).data.metrics == {"recall_10": 0.5}


def test_parameters_are_flat_long_ones_are_kept_and_a_second_time_changes_none(store, tmp_path):
    run = Tracked(store, tmp_path, "fit", {})
    first = {"loss": {"name": "mse"}, "columns": list(range(1000)), **{f"key{n}": n for n in range(150)}}
    run.log_hyperparams(first)
    again = Tracked(store, tmp_path, "fit", {})
    again.log_hyperparams({**first, "loss": {"name": "other"}, "new": 1})
    params = store.client.get_run(run.id).data.params
    assert len(params) == 153
    assert (params["loss.name"], params["columns"], params["new"]) == ("mse", str(list(range(1000))), "1")


def test_mlflow_is_imported_in_runs_that_log_to_it_alone(tmp_path):
    (tmp_path / "config.yaml").write_text("{competition: toy, preset: toy, trackers: [{name: csv}]}")
    script = (
        "import sys, ctk_mlflow.plugin as plugin\n"
        "from pathlib import Path\n"
        "from ctk.runs import Run\n"
        "plugin.ctk_register_trackers(register=lambda name, thing, about='': print(name, thing))\n"
        "plugin.ctk_run_started(Run(Path(sys.argv[1])))\n"
        "plugin.ctk_run_finished(Run(Path(sys.argv[1])), {'mse': 1.0})\n"
        "assert not {'mlflow', 'torch', 'lightning', 'sqlalchemy'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("mlflow ctk_mlflow.tracker:Mlflow\n", 0), done.stderr


@pytest.mark.slow
def test_the_plugin_keeps_the_contract():
    check_plugin("mlflow")
