"""What is promised of the wandb tracker, with the real library: offline, and online with a server on this machine."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from ctk.contract.schema import validate_config
from ctk.errors import UsageError
from ctk.plugins.component_options import options_schema
from ctk.runs import Run
from ctk.testing import check_plugin
from ctk_wandb.history import History
from ctk_wandb.tracker import Wandb, log_scores

EPOCHS = list(range(1, 9))
KEY = "k" * 40


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    """Nobody is logged in, and wandb's own files have a home of their own."""
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    monkeypatch.setenv("NETRC", str(tmp_path / "person" / "netrc"))


@pytest.fixture
def toy_run(toy_run):
    toy_run.tracker = "{name: wandb, mode: offline}"
    return toy_run


@pytest.fixture
def online(toy_run, server):
    toy_run.tracker = "wandb"
    toy_run.variables = {"WANDB_BASE_URL": server.url, "WANDB_API_KEY": KEY}
    return toy_run


def kept_id(folder):
    return json.loads((folder / "wandb/run.json").read_text())["id"]


def epochs(rows):
    return [row["epoch"] for row in rows]


@pytest.mark.slow
def test_a_fit_is_a_finished_run_in_the_group_of_its_ctk_run_and_scores_are_another(toy_run, logs):
    before = set(toy_run.home.work.iterdir())
    printed = toy_run.run()
    assert "wandb" not in printed.replace(str(toy_run.folder), "")
    assert set(toy_run.home.work.iterdir()) - before == {toy_run.home.work / "go"}
    (fit,) = logs(toy_run.stage)
    assert (fit.run.run_id, fit.run.display_name) == (kept_id(toy_run.stage), "toy-network/seed-1/fold-0/stage-1")
    assert (fit.run.project, fit.run.run_group) == ("toy-regression", toy_run.folder.name)
    assert epochs(fit.rows) == [row["_step"] for row in fit.rows] == EPOCHS
    assert {"loss", "toy-mse", "best_toy-mse"} <= fit.rows[0].keys()
    assert fit.config["optimizer"]["lr"] == 0.01
    assert fit.config["seed"] == 1
    assert fit.exit_code == 0
    (whole,) = logs(toy_run.folder)
    assert (whole.run.display_name, whole.run.run_group) == (toy_run.folder.name, toy_run.folder.name)
    assert {"toy-mse", "members/toy-network/seed-1/toy-mse"} <= whole.summary.keys()
    assert whole.config["competition"] == "toy-regression"
    assert whole.exit_code == 0


@pytest.mark.slow
def test_a_run_killed_offline_goes_on_as_the_same_run_and_its_last_folder_has_all(toy_run, logs):
    toy_run.stop(signal.SIGKILL)
    begun = kept_id(toy_run.stage)
    toy_run.resume()
    (fit,) = logs(toy_run.stage)
    assert fit.run.run_id == kept_id(toy_run.stage) == begun
    assert epochs(fit.rows) == EPOCHS
    assert fit.exit_code == 0


@pytest.mark.slow
def test_ctrl_c_leaves_no_process_and_a_run_that_goes_on(toy_run, logs):
    toy_run.executor = "local"
    printed = toy_run.stop(signal.SIGINT)
    assert "Interrupted" in printed
    assert "wandb:" not in printed
    begun = kept_id(toy_run.stage)
    toy_run.resume()
    (fit,) = logs(toy_run.stage)
    assert fit.run.run_id == begun
    assert epochs(fit.rows) == EPOCHS


@pytest.mark.slow
def test_a_run_killed_online_goes_on_as_the_same_run_without_gap_or_repetition(online, server):
    online.stop(signal.SIGKILL)
    begun = kept_id(online.stage)
    assert server.names == {begun: "toy-network/seed-1/fold-0/stage-1"}
    assert begun not in server.ends
    assert "wandb:" not in online.resume()
    assert set(server.names) == {begun, kept_id(online.folder)}
    assert epochs(server.rows[begun]) == [row["_step"] for row in server.rows[begun]] == EPOCHS
    assert server.ends == {begun: 0, kept_id(online.folder): 0}


@pytest.mark.slow
def test_what_a_server_refuses_at_the_start_ends_the_run_in_a_sentence(online, server):
    server.refuses = "entity nobody not found during upsertBucket"
    process = online.start()
    printed, _ = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "wandb: " in printed
    assert "entity nobody not found" in printed
    assert "Look at project and entity." in printed
    assert "Traceback" not in printed


@pytest.mark.slow
def test_a_server_that_refuses_a_run_that_has_logged_before_does_not_end_it(online, server):
    server.refuses = "out of order"
    online.tracker = "{name: wandb, mode: offline}"
    online.stop(signal.SIGKILL)
    config = online.folder / "config.yaml"
    config.write_text(config.read_text().replace("mode: offline", "mode: online"))
    online.resume()
    assert "is not logged to wandb" in online.log


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, "nobody is logged in here"),
        ({"WANDB_API_KEY": "short"}, "API key must have 40"),
        ({"WANDB_API_KEY": KEY, "WANDB_HTTP_TIMEOUT": "1"}, "Failed to authenticate"),
    ],
)
def test_who_cannot_log_is_told_at_once_and_not_asked_for_a_password(tmp_path, variables, told):
    """In a terminal of its own, where wandb would prompt."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    script = (
        "from ctk_wandb.tracker import Wandb\n"
        "from ctk.errors import CtkError\n"
        "try:\n    Wandb.check()\n"
        "except CtkError as error:\n    print(error)\n"
    )
    environment = {**os.environ, "WANDB_BASE_URL": f"http://127.0.0.1:{port}", **variables}
    done = subprocess.run(
        ["script", "--quiet", "--return", "--command", f"{sys.executable} -c '{script}'", "/dev/null"],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.stdout.startswith("wandb: ")
    assert told in done.stdout
    assert "-o trackers.wandb.mode=offline" in done.stdout
    assert len(done.stdout.splitlines()) == 2


LOGGING = """
import sys
from pathlib import Path
from ctk_wandb.tracker import Wandb, log_scores
mode, folder, *steps = sys.argv[1:]
Wandb.check(mode=mode or None)
logger = Wandb(Path(folder), "stage-1", mode=mode or None)
logger.log_hyperparams({"lr": 1})
for step in map(int, steps):
    logger.log_metrics({"epoch": step}, step)
logger.finalize("success")
"""


def log(folder, *steps, mode="offline", **variables):
    """Open a tracker, log steps and end it, in a process of its own; nothing may be printed."""
    done = subprocess.run(
        [sys.executable, "-c", LOGGING, mode, folder, *map(str, steps)],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "variables", "written"),
    [("offline", {}, True), ("", {"WANDB_MODE": "offline"}, True), ("disabled", {}, False)],
)
def test_nobody_has_to_be_logged_in_to_log_offline_or_nowhere(tmp_path, mode, variables, written):
    folder = tmp_path / "stage-1"
    folder.mkdir()
    log(folder, 1, mode=mode, **variables)
    assert bool(list(folder.glob("wandb/offline-run-*"))) == bool(list(folder.iterdir())) == written


@pytest.mark.slow
def test_offline_runs_that_were_synced_are_neither_removed_nor_logged_again(tmp_path, logs):
    log(tmp_path, 1, 2)
    (folder,) = tmp_path.glob("wandb/offline-run-*")
    folder.joinpath(f"run-{kept_id(tmp_path)}.wandb.synced").touch()
    folder.rename(folder.with_name(folder.name.replace("offline-run-", "offline-run-0")))  # starts in the same second
    log(tmp_path, 2, 3, 4)
    assert [epochs(each.rows) for each in logs(tmp_path)] == [[1, 2], [3, 4]]


@pytest.mark.slow
def test_a_history_that_is_a_link_out_of_the_run_is_not_written_to(tmp_path):
    (tmp_path / "stage/wandb").mkdir(parents=True)
    (tmp_path / "stage/wandb/history.jsonl").symlink_to(tmp_path / "precious")
    line = [sys.executable, "-c", LOGGING, "offline", tmp_path / "stage", "1"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert "history.jsonl: is a link that leads out" in done.stderr
    assert not (tmp_path / "precious").exists()


@pytest.mark.parametrize("option", [{"mode": "ofline"}, {"projekt": "x"}, {"tags": 3}])
def test_options_that_are_wrong_are_refused_with_their_key(option):
    with pytest.raises(UsageError, match=next(iter(option))):
        validate_config(options_schema(Wandb, "wandb"), option, "trackers.0")


def test_a_history_cut_off_in_a_line_goes_on_with_the_line_before(tmp_path):
    path = tmp_path / "history.jsonl"
    for _ in range(2):
        history = History(path)
        list(history.read())
        assert history.add(2, {"loss": float("nan")}) in ({}, {"loss": pytest.approx(float("nan"), nan_ok=True)})
        with path.open("a") as file:
            file.write('{"step": 3, "lo')
    history = History(path)
    assert [step for step, _ in history.read()] == [2]
    assert history.add(3, {"loss": 1.0}) == {"loss": 1.0}
    assert history.add(3, {"loss": 1.0, "mse": 2.0}) == {"mse": 2.0}
    assert [step for step, _ in History(path).read()] == [2, 3, 3]


def test_scores_are_logged_with_a_config_whose_urls_have_no_secrets(tmp_path, monkeypatch):
    told = {}

    class Recorder:
        run = None

        def __init__(self, *given, **facts):
            told.update(facts)

        def finalize(self, status):
            pass

    monkeypatch.setattr("ctk_wandb.tracker.Session", Recorder)
    run = Run.create(tmp_path, "toy", "name")
    facts = {"competition": "toy", "preset": "p", "trackers": [], "members": [{"name": "ridge"}]}
    run.write_config({**facts, "executor": {"name": "ray", "address": "ray://me:secret@host"}}, [], {})
    log_scores(run, {})
    assert told["config"]["executor"] == {"name": "ray", "address": "ray://me:***@host"}


def test_wandb_is_imported_in_runs_that_log_to_it_alone(tmp_path):
    (tmp_path / "config.yaml").write_text("{competition: toy, preset: toy, trackers: [{name: csv}]}")
    script = (
        "import sys, ctk_wandb.plugin as plugin\n"
        "from pathlib import Path\n"
        "from ctk.runs import Run\n"
        "plugin.ctk_register_trackers(register=lambda name, thing, about='': print(name, thing))\n"
        "plugin.ctk_run_finished(Run(Path(sys.argv[1])), {'mse': 1.0})\n"
        "assert not {'wandb', 'torch', 'lightning'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("wandb ctk_wandb.tracker:Wandb\n", 0), done.stderr


@pytest.mark.slow
def test_the_plugin_keeps_the_contract(monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    check_plugin("wandb")
