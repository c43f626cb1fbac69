"""Killed at any moment, a run goes on to the same predictions; Ctrl-C says how."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

CONFIG = (
    "-o", "split.by=image", "-o", "members.residual-mlp.epochs=60", "-o", "members.residual-mlp.model.hidden=64",
    "-o", "members.residual-mlp.batch.size=64", "-o", "members.residual-mlp.checkpoint_every=5", "--seeds", "1,2",
)  # fmt: skip


def start(tmp_path, small, runs):
    """Start a run of which a kill finds the middle; returns the process."""
    return subprocess.Popen(
        [sys.executable, "-m", "ctk", "run", "aml-retrieval", "--data", str(small), "--preset", "quick", *CONFIG],
        cwd=tmp_path,
        env={**os.environ, "CTK_RUNS": str(tmp_path / runs)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # Tests that run in the background ignore Ctrl-C, and so would what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def wait_for(pattern, folder, process):
    """Wait until a file appears."""
    deadline = time.monotonic() + 120
    while not (found := list(folder.glob(pattern))):
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found[0]


def predictions(run):
    return {path.relative_to(run): np.load(path) for path in sorted(run.glob("members/*/*/*/*/values.npy"))}


def only_run(folder):
    (run,) = (folder / "aml-retrieval").iterdir()
    return run


def workers_of(session):
    found = []
    for status in os.listdir("/proc"):
        if status.isdigit():
            try:
                fields = Path(f"/proc/{status}/stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(status))
    return found


def assert_nobody_left(session):
    deadline = time.monotonic() + 20
    while workers_of(session):
        assert time.monotonic() < deadline, "workers outlived the run"
        time.sleep(0.2)


@pytest.mark.slow
def test_a_killed_run_is_resumed_to_the_same_predictions(tmp_path, small, ctk):
    whole = start(tmp_path, small, "whole")
    assert whole.wait(300) == 0

    killed = start(tmp_path, small, "killed")
    wait_for("*/*/members/residual-mlp/seed-*/fold-0/checkpoints/stage-1/last.ckpt", tmp_path / "killed", killed)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    run = only_run(tmp_path / "killed")
    assert not (run / "submission.csv").exists()
    assert_nobody_left(killed.pid)
    assert "killed" in ctk("runs", CTK_RUNS=str(tmp_path / "killed")).stdout

    resumed = ctk("run", "aml-retrieval", "--resume", run, CTK_RUNS=str(tmp_path / "killed"))
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    expected, found = predictions(only_run(tmp_path / "whole")), predictions(run)
    assert expected.keys() == found.keys()
    for name in expected:
        assert np.array_equal(expected[name], found[name]), name
    assert (run / "submission.csv").read_bytes() == (only_run(tmp_path / "whole") / "submission.csv").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_how_to_go_on_and_leaves_nobody_behind(tmp_path, small, ctk, number):
    process = start(tmp_path, small, "runs")
    wait_for("*/*/members/residual-mlp/seed-*/fold-0/progress.json", tmp_path / "runs", process)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        os.kill(process.pid, number)
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 1
    run = only_run(tmp_path / "runs")
    assert "Interrupted." in said
    assert f"ctk run aml-retrieval --resume {run}" in said
    assert "Traceback" not in said
    assert_nobody_left(process.pid)
    assert not list(run.rglob("*.part"))
    assert "interrupted" in ctk("runs").stdout
