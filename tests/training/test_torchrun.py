"""One model on many processes: the same result as one process, resumable, and no hang when a process is gone."""

import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

LOSSES = '''
import os
import signal
import time
from pathlib import Path
import torch
from ctk import hookimpl

class Mae(torch.nn.Module):
    steps = 0  # of training

    def forward(self, prediction, batch):
        self.steps += prediction.requires_grad
        if self.steps == 3 and (stalled := os.environ.get("STALL_AT")):
            Path(stalled).touch()
            time.sleep(600)
        return (prediction - batch.target).abs().mean()

class Ends(Mae):
    """Ends its process, or fails, in the third step of rank 1."""

    def __init__(self, *, how: str):
        super().__init__()
        self.how = how

    def forward(self, prediction, batch):
        if os.environ["RANK"] == "1" and self.steps == 2:
            if self.how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            raise LookupError("no such rows")
        return super().forward(prediction, batch)

@hookimpl
def ctk_register_losses(register):
    register("mae-of-test", Mae)
    register("ends", Ends)
'''
CONFIG = """
trackers: []
executor: {name: EXECUTOR, threads: 1}
seeds: [1]
blend: mean
members:
  - name: grouped
    model: toy-network
    loss: {name: info-nce, learn_temperature: true, temperature: 0.1, regression: 0.1, label_smoothing: 0.1}
    batch: {size: 40, by: block}
    epochs: 2
    checkpoint_every: 1
    ema: 0.5
    snapshots: 2
  - name: plain
    model: toy-network
    loss: mae-of-test
    batch: {size: 37}
    schedule: {name: plateau}
    epochs: 2
    patience: 1
    checkpoint_every: 1
    valid_loss: true
    curriculum: {by: block, start: 0.5}
"""
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A working folder with a plugin, runs and a cache of its own."""
    folder = tmp_path_factory.mktemp("torchrun")
    (folder / "ctk_plugins").mkdir()
    (folder / "ctk_plugins" / "of_test.py").write_text(LOSSES)
    (folder / "ctk_plugins" / "toy.py").write_text("from ctk.testing.toy import *")
    return folder


def command(place, processes, *given, **variables):
    """The command line and its environment."""
    own = ("TORCHELASTIC_RUN_ID", "RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
    env = {name: value for name, value in os.environ.items() if name not in own}
    env |= {"CTK_RUNS": str(place / "runs"), "CTK_CACHE": str(place / "cache"), "OMP_NUM_THREADS": "1", **variables}
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    return [sys.executable, *torchrun, "-m", "ctk", *given], {"cwd": place, "env": env, "text": True}


def ctk(place, processes, *given):
    line, how = command(place, processes, *given)
    return subprocess.run(line, **how, capture_output=True, timeout=300, check=False)


def folder_of(place, name):
    (folder,) = (place / "runs" / "toy-retrieval").glob(f"*-{name}")
    return folder


def predictions(folder):
    return {
        member: np.load(folder / "members" / member / "seed-1" / "fold-0" / "test" / "values.npy")
        for member in ("grouped", "plain")
    }


@pytest.fixture(scope="module")
def by_processes(place, ctk_in):
    """The same run by one, two and three processes."""
    (place / "config.yaml").write_text(CONFIG.replace("EXECUTOR", "serial"))

    def run(processes):
        words = ("run", "toy-retrieval", "--config", "config.yaml", "--name", f"by-{processes}")
        done = ctk_in(place)(*words, CTK_CACHE=place / "cache") if processes == 1 else ctk(place, processes, *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done, folder_of(place, f"by-{processes}")

    return {processes: run(processes) for processes in (1, 2, 3)}


@pytest.mark.parametrize("processes", [2, 3])
def test_many_processes_predict_what_one_does(by_processes, processes):
    alone, together = (predictions(by_processes[each][1]) for each in (1, processes))
    for member, expected in alone.items():
        np.testing.assert_allclose(together[member], expected, atol=2e-3 * np.abs(expected).max(), err_msg=member)


def test_the_first_prints_what_one_process_would_and_nobody_else_anything(by_processes):
    def lines(processes):
        told = by_processes[processes][0].stdout
        # Without numbers and the widths that they give a column: how long a fit took depends on what else runs.
        return [
            re.sub(r"[\d\s]+", " ", line) for line in told.splitlines() if line.startswith(("grouped", "plain", "sub"))
        ]

    assert len(lines(1)) == 3
    assert lines(2) == lines(1)


def test_killed_with_all_its_processes_it_goes_on_to_the_same_predictions(place, by_processes):
    stalled = place / "stalled"
    words = ("run", "toy-retrieval", "--config", "config.yaml", "--name", "killed")
    line, how = command(place, 2, *words, STALL_AT=str(stalled))
    agent = subprocess.Popen(line, **how, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not stalled.exists():
        assert agent.poll() is None, "it ended before it wrote a checkpoint"
        time.sleep(0.02)
    assert list(folder_of(place, "killed").glob("members/plain/seed-1/fold-0/checkpoints/stage-1/*.ckpt"))
    workers = subprocess.run(["ps", "--ppid", str(agent.pid), "-o", "pid="], capture_output=True, text=True, check=True)
    for pid in [agent.pid, *map(int, workers.stdout.split())]:
        os.kill(pid, signal.SIGKILL)
    agent.wait()
    folder = folder_of(place, "killed")
    resumed = ctk(place, 2, "run", "toy-retrieval", "--resume", str(folder))
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    whole = predictions(by_processes[2][1])
    for member, found in predictions(folder).items():
        np.testing.assert_array_equal(found, whole[member], err_msg=member)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("fail", r"Rank 1: The loss 'ends' .* LookupError: no such rows"),
        ("kill", r"process of this torchrun ended without a word|torchrun ended this run"),
    ],
)
@pytest.mark.usefixtures("by_processes")
def test_a_process_that_fails_or_is_killed_ends_the_command_with_a_sentence(place, how, said):
    failing = f"members.1.loss={{name: ends, how: {how}}}"
    done = ctk(place, 2, "run", "toy-retrieval", "--config", "config.yaml", "--name", how, "-o", failing)
    assert done.returncode != 0
    # What torchrun itself says stands behind it, and has a prefix or a traceback.
    own = done.stderr.split("Traceback (most recent call last)")[0]
    assert re.search(said, "\n".join(line for line in own.splitlines() if not re.match(r"[WE]\d{4} ", line))), own


def test_an_executor_of_ones_own_choice_is_refused(place):
    done = ctk(place, 2, "run", "toy-retrieval", "--executor", "ray")
    assert "one after another" in done.stderr
    assert done.stderr.count("one after another") == 1


def test_a_dry_run_and_a_prediction_with_saved_members_work_as_ever(place, by_processes):
    saved = by_processes[2][1]
    dry = ctk(place, 2, "run", "toy-retrieval", "--dry-run", "--config", "config.yaml")
    assert dry.returncode == 0, dry.stderr
    again = ctk(place, 2, "run", "toy-retrieval", "--stage", "predict", "--checkpoints", str(saved), "--name", "again")
    assert again.returncode == 0, again.stderr
    for member, found in predictions(folder_of(place, "again")).items():
        np.testing.assert_allclose(found, predictions(saved)[member], atol=1e-5)
