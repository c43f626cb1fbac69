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
import torch
from ctk import hookimpl

class Mae(torch.nn.Module):
    def forward(self, prediction, batch):
        return (prediction - batch.target).abs().mean()

class Ends(Mae):
    """Ends its process, or fails, in the third step of rank 1."""

    def __init__(self, *, how: str):
        super().__init__()
        self.how, self.steps = how, 0

    def forward(self, prediction, batch):
        self.steps += 1
        if os.environ["RANK"] == "1" and self.steps == 3:
            if self.how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            raise LookupError("no such rows")
        return super().forward(prediction, batch)

@hookimpl
def ctk_register_losses(register):
    register("mae-of-test", Mae)
    register("ends", Ends)
'''
EXACT = "dropout: 0, input_dropout: 0, hidden: 64"
"""Without dropout, whose numbers differ between ranks, all is the same but for the order of sums."""
CONFIG = f"""
trackers: []
executor: {{name: EXECUTOR, threads: 1}}
seeds: [1]
blend: mean
members:
  - name: grouped
    model: {{name: residual-mlp, {EXACT}}}
    loss: {{name: info-nce, learn_temperature: true, temperature: 0.1, regression: 0.1, label_smoothing: 0.1}}
    batch: {{size: 3000, by: image}}
    epochs: 2
    checkpoint_every: 1
    ema: 0.5
  - name: plain
    model: {{name: residual-mlp, {EXACT}}}
    loss: mae-of-test
    batch: {{size: 2991}}
    schedule: {{name: plateau}}
    epochs: 2
    patience: 1
    checkpoint_every: 1
    valid_loss: true
"""
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A working folder with a plugin, runs and a cache of its own."""
    folder = tmp_path_factory.mktemp("torchrun")
    (folder / "ctk_plugins").mkdir()
    (folder / "ctk_plugins" / "losses_of_test.py").write_text(LOSSES)
    return folder


def command(place, processes, *given):
    """The command line and its environment."""
    own = ("TORCHELASTIC_RUN_ID", "RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
    env = {name: value for name, value in os.environ.items() if name not in own}
    env |= {"CTK_RUNS": str(place / "runs"), "CTK_CACHE": str(place / "cache"), "OMP_NUM_THREADS": "1"}
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    start = torchrun if processes > 1 else []
    return [sys.executable, *start, "-m", "ctk", *given], {"cwd": place, "env": env, "text": True}


def ctk(place, processes, *given):
    line, how = command(place, processes, *given)
    return subprocess.run(line, **how, capture_output=True, timeout=300, check=False)


def run(place, processes, name):
    config = place / f"{name}.yaml"
    config.write_text(CONFIG.replace("EXECUTOR", "serial"))
    done = ctk(place, processes, "run", "aml-retrieval", "--config", str(config), "--name", name)
    assert done.returncode == 0, done.stdout + done.stderr
    return done, folder_of(place, name)


def folder_of(place, name):
    (folder,) = (place / "runs" / "aml-retrieval").glob(f"*-{name}")
    return folder


def predictions(folder):
    return {
        member: np.load(folder / "members" / member / "seed-1" / "fold-0" / "test" / "values.npy")
        for member in ("grouped", "plain")
    }


@pytest.fixture(scope="module")
def by_processes(place):
    """The same run by one, two and three processes."""
    return {processes: run(place, processes, f"by-{processes}") for processes in (1, 2, 3)}


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
    config = place / "by-2.yaml"
    line, how = command(place, 2, "run", "aml-retrieval", "--config", str(config), "--name", "killed")
    agent = subprocess.Popen(line, **how, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    part = "members/*/seed-1/fold-0/checkpoints/stage-1/*.ckpt"
    while not list((place / "runs" / "aml-retrieval").glob(f"*-killed/{part}")):
        assert agent.poll() is None, "it ended before it wrote a checkpoint"
        time.sleep(0.02)
    workers = subprocess.run(["ps", "--ppid", str(agent.pid), "-o", "pid="], capture_output=True, text=True, check=True)
    for pid in [agent.pid, *map(int, workers.stdout.split())]:
        os.kill(pid, signal.SIGKILL)
    agent.wait()
    folder = folder_of(place, "killed")
    resumed = ctk(place, 2, "run", "aml-retrieval", "--resume", str(folder))
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
def test_a_process_that_fails_or_is_killed_ends_the_command_with_a_sentence(place, how, said):
    failing = f"members.1.loss={{name: ends, how: {how}}}"
    done = ctk(place, 2, "run", "aml-retrieval", "--name", how, "-o", "trackers=[]", "-o", failing)
    assert done.returncode != 0
    # What torchrun itself says stands behind it, and has a prefix or a traceback.
    own = done.stderr.split("Traceback (most recent call last)")[0]
    assert re.search(said, "\n".join(line for line in own.splitlines() if not re.match(r"[WE]\d{4} ", line))), own


def test_an_executor_of_ones_own_choice_is_refused(place):
    done = ctk(place, 2, "run", "aml-retrieval", "--executor", "ray")
    assert "one after another" in done.stderr
    assert done.stderr.count("one after another") == 1


def test_a_dry_run_and_a_prediction_with_saved_members_work_as_ever(place, by_processes):
    saved = by_processes[2][1]
    dry = ctk(place, 2, "run", "aml-retrieval", "--dry-run", "--config", str(place / "by-2.yaml"))
    assert dry.returncode == 0, dry.stderr
    again = ctk(place, 2, "run", "aml-retrieval", "--stage", "predict", "--checkpoints", str(saved), "--name", "again")
    assert again.returncode == 0, again.stderr
    for member, found in predictions(folder_of(place, "again")).items():
        np.testing.assert_allclose(found, predictions(saved)[member], atol=1e-5)
