"""A search that was killed at any moment and gone on with makes the trials that it would have made."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ctk_search import api
from ctk_search.settings import Settings

MEMBER = {
    "model": "toy-network",
    "loss": "toy-squared-error",
    "batch": {"size": 4},
    "epochs": 12,
    "checkpoint_every": 3,
}
HOW = {
    "space": {"members.0.optimizer.lr": {"low": 1e-5, "high": 1e-1, "log": True}, "members.0.model.hidden": [4, 8, 16]},
    "sampler": "tpe",
    "sampler_options": ["n_startup_trials=3"],
    "pruner": "median",
    "execution": ["executor.workers=2", "executor.threads=1"],
    "config": {"members": [MEMBER], "trackers": []},
}
SCRIPT = f"""
import sys
from ctk_search import api

if __name__ == "__main__":
    api.search("toy-regression", trials=int(sys.argv[1]), name="killed", **{HOW!r})
"""
PATIENCE = 1800.0
"""Seconds; a machine may be slow, and a test that hangs must end."""


@pytest.fixture
def start(ctk_home, toy):
    """Begin the search in a process of its own."""
    (ctk_home.work / "script.py").write_text(SCRIPT)

    def begin(trials):
        return subprocess.Popen(
            [sys.executable, "script.py", str(trials)],
            cwd=ctk_home.work,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    return begin


def until(true, process):
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert process.poll() is None or true(), process.communicate()[0]
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def living(group):
    """The processes of a group. Those that have ended do not count: not every machine's first process fetches them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            name, _, facts = path.read_text().rpartition(")")
            state, _, its_group, *_ = facts.split()
            if int(its_group) == group and state not in "ZX":
                found.append(name)
    return found


@pytest.mark.slow
def test_the_trials_are_those_of_a_search_that_was_never_killed(start, ctk_home, table):
    expected = table(api.search("toy-regression", trials=6, name="whole", **HOW))
    process = start(6)

    def reached(trial, epochs):
        paths = list(ctk_home.runs.glob(f"toy-regression/*-killed/trials/{trial:04d}/epochs.jsonl"))
        return bool(paths) and paths[0].read_text().count("\n") >= epochs

    until(lambda: reached(3, 5), process)
    process.kill()
    process.communicate()
    (folder,) = ctk_home.runs.glob("toy-regression/*-killed")
    assert Settings.load(folder).trials == 6
    found = api.resume(folder)
    assert table(found) == expected
    assert (folder / "best").resolve().name == f"{found.best.number:04d}"


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_end_everything_and_say_how_to_go_on(start, ctk_home, how):
    process = start(1000)  # more than it comes to
    until(lambda: any(ctk_home.runs.glob("toy-regression/*/trials/0001/epochs.jsonl")), process)
    os.killpg(process.pid, how) if how is signal.SIGINT else process.send_signal(how)
    printed, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode != 0
    (folder,) = ctk_home.runs.glob("toy-regression/*")
    assert "Interrupted." in printed
    assert f"Go on with: ctk search toy-regression --resume {folder}" in printed
    deadline = time.monotonic() + PATIENCE
    while left := living(process.pid):
        assert time.monotonic() < deadline, f"left is {left}"
        time.sleep(0.1)
