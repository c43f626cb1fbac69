"""Killed at any moment, a run goes on to the same predictions; what stops it otherwise says how, and leaves nobody."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ctk.runs import INTERRUPTED, Run
from ctk.testing import toy

STALLING = '''
"""A loss that waits in its third epoch until a file is there."""

import time
from pathlib import Path

from torch import nn

from ctk import hookimpl


@hookimpl
def ctk_register_losses(register):
    register("stalling", "ctk_plugins.stalling:Stalling")


class Stalling(nn.Module):
    def forward(self, prediction, batch):
        while batch.epoch == 2 and not Path("go").exists():
            Path("stalled").touch()
            time.sleep(0.02)
        return ((prediction - batch.target) ** 2).mean()
'''
LINE = (
    "run", "toy-regression", "-oblend=mean", "-otrackers=[]", "-oexecutor={name: local, workers: 1, threads: 1}",
    "-omembers=[{model: toy-network, loss: stalling, epochs: 5, checkpoint_every: 1, batch: {size: 16}}]",
    "--seeds", "1,2",
)  # fmt: skip
PATIENCE = 120


@pytest.fixture
def work(ctk_home) -> Path:
    """The current folder, with the toy competition and the stalling loss as one-file plugins."""
    plugins = ctk_home.work / "ctk_plugins"
    plugins.mkdir()
    shutil.copy(toy.__file__, plugins / "toy.py")
    (plugins / "stalling.py").write_text(STALLING)
    return ctk_home.work


@pytest.fixture
def stalled(ctk_process, work):
    """A run, in processes of its own, in the middle of its first fit."""
    process = ctk_process.start(*LINE, "--name", "stopped")
    deadline = time.monotonic() + PATIENCE
    while not (work / "stalled").exists():
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process


def run_named(home, name) -> Path:
    (folder,) = home.runs.glob(f"toy-regression/*-{name}")
    return folder


def predictions(run):
    return {path.relative_to(run): np.load(path) for path in sorted(run.glob("members/*/*/*/*/values.npy"))}


def assert_nobody_left(session):
    deadline = time.monotonic() + PATIENCE
    while left := processes_of(session):
        assert time.monotonic() < deadline, f"{left} outlived the run"
        time.sleep(0.1)


def processes_of(session):
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(status.parent.name))
    return found


@pytest.mark.slow
def test_a_killed_run_is_resumed_to_the_same_predictions(stalled, work, ctk, ctk_home):
    stalled.kill()
    stalled.wait()
    run = run_named(ctk_home, "stopped")
    assert not (run / "submission.csv").exists()
    assert_nobody_left(stalled.pid)
    assert "killed" in ctk("runs").stdout

    (work / "go").touch()
    ctk(*LINE, "-oexecutor.name=serial", "--name", "whole", code=0)
    ctk("run", "toy-regression", "--resume", run, "--executor", "serial", code=0)
    whole = run_named(ctk_home, "whole")
    expected, found = predictions(whole), predictions(run)
    assert len(expected) == 4
    assert expected.keys() == found.keys()
    for name in expected:
        assert np.array_equal(expected[name], found[name]), name
    assert (run / "submission.csv").read_bytes() == (whole / "submission.csv").read_bytes()


def test_a_run_whose_reader_goes_is_interrupted_and_says_how_to_go_on(ctk_process, work, ctk_home):
    reading, writing = os.pipe()
    os.close(reading)  # as `ctk run | head -1` does after a line
    process = subprocess.Popen(
        [sys.executable, "-m", "ctk", *LINE, "-oexecutor=serial", "--name", "unread"],
        **{"cwd": work, "env": ctk_process._environment({}), "stdout": writing, "stderr": subprocess.PIPE},
    )
    said = process.communicate(timeout=PATIENCE)[1].decode()
    os.close(writing)
    run = Run(run_named(ctk_home, "unread"))
    assert process.returncode == 1
    assert said.endswith(f"Interrupted.\nGo on with: ctk run toy-regression --resume {run.folder}\n")
    assert run.state()["state"] == INTERRUPTED


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_says_how_to_go_on_and_leaves_nobody_behind(stalled, ctk, ctk_home, number):
    if number != signal.SIGTERM:
        os.killpg(stalled.pid, number)  # as a terminal does
    else:
        os.kill(stalled.pid, number)
    said = stalled.communicate(timeout=PATIENCE)[0]
    assert stalled.returncode == 1
    run = run_named(ctk_home, "stopped")
    assert "Interrupted." in said
    assert f"ctk run toy-regression --resume {run}" in said
    assert "Traceback" not in said
    assert "resource_tracker" not in said
    assert_nobody_left(stalled.pid)
    assert not list(run.rglob("*.part"))
    assert "interrupted" in ctk("runs").stdout


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGUSR1])
def test_a_run_that_any_other_signal_ends_was_killed_and_says_nothing_of_what_its_processes_shared(
    stalled, ctk, number
):
    os.kill(stalled.pid, number)
    assert "resource_tracker" not in stalled.communicate(timeout=PATIENCE)[0]
    assert "killed" in ctk("runs").stdout
    assert_nobody_left(stalled.pid)
