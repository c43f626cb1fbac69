"""What memory a fit takes is told before it starts; a dry run takes little of it."""

import json
import shutil
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from ctk.contract import FitContext, Metric
from ctk.samples import Samples
from ctk.testing import toy as toy_competition
from ctk.training.network import as_model

INPUTS, WIDE, OUTPUTS = 6, 32, 4
WEIGHTS = (INPUTS + 1) * WIDE + (WIDE + 1) * OUTPUTS


class Plain(nn.Module):
    features = ("x",)
    seen: ClassVar[list[int]] = []

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(INPUTS, WIDE), nn.ReLU(), nn.Linear(WIDE, OUTPUTS))

    @classmethod
    def for_samples(cls, samples):
        return cls()

    def forward(self, x):
        self.seen.append(len(x))
        return self.body(x)


class OnGpuAlone(Plain):
    def forward(self, x):
        raise RuntimeError("no kernel for the CPU")


def samples(rows=1000):
    random = np.random.default_rng(0)
    x, y = (random.normal(size=(rows, width)).astype(np.float32) for width in (INPUTS, OUTPUTS))
    return Samples(np.arange(rows), {"x": x}, y)


def model(network=Plain, **training):
    own = as_model(network)()
    own.training = own.schema(**{"loss": "smooth-l1", "batch": {"size": 512}, **training})
    return own


def test_what_a_fit_takes_is_weights_five_times_and_what_the_backward_pass_needs():
    before = torch.get_rng_state()
    told = model().memory(samples(), "cpu")
    assert told == 4 * (5 * WEIGHTS + 512 * (INPUTS + WIDE))  # the inputs, and what ReLU gave
    assert torch.equal(before, torch.get_rng_state())  # nothing random is used up


def test_the_largest_batch_of_the_stages_counts_and_no_more_rows_than_there_are():
    staged = model(stages=[{"batch": {"size": 64}}, {"batch": {"size": 2048}}])
    assert staged.memory(samples(1000), "cpu") == 4 * (5 * WEIGHTS + 1000 * (INPUTS + WIDE))


def test_of_a_network_that_does_not_compute_here_nothing_is_told():
    assert model(OnGpuAlone).memory(samples(), "cpu") is None


def test_a_dry_run_takes_a_few_rows_a_batch(tmp_path):
    own, all_rows = model(), samples()
    metric = Metric("off", "min", lambda prediction, samples: float(abs(prediction - samples.target).mean()))
    Plain.seen.clear()
    own.fit(all_rows, all_rows, FitContext(tmp_path, 1, metric, "cpu", steps=2))
    assert len(own.predict(all_rows)) == 1000
    assert Plain.seen[:2] == [16, 16]
    assert max(Plain.seen) <= 128


@pytest.fixture
def toy(ctk_home):
    plugins = ctk_home.work / "ctk_plugins"
    plugins.mkdir()
    shutil.copy(toy_competition.__file__, plugins / "toy.py")
    return ctk_home


LINE = ("run", "toy-regression", "-oexecutor={name: serial, threads: 1}", "-otrackers=[]")


def test_every_run_tells_what_it_expects_and_what_is_free(toy, ctk, monkeypatch):
    said = ctk(*LINE, "--dry-run", code=0).stdout
    assert "memory: full batches of toy-network take up to 0 MB; " in said
    assert "may be more than there is" not in said
    monkeypatch.setattr("ctk.workflow.expected_memory.free_memory", lambda: 1)
    said = ctk(*LINE, "--name", "tight", code=0).stdout
    assert "may be more than there is: make its batches smaller, -o members.toy-network.batch.size=ROWS" in said
    (run,) = toy.runs.glob("*/*-tight")
    state = json.loads((run / "state.json").read_text())
    assert state["memory"] > state["free"] == 1


def test_of_a_run_that_was_killed_for_memory_the_next_command_tells(toy, ctk):
    ctk(*LINE, "--name", "big", code=0)
    (folder,) = toy.runs.glob("*/*-big")
    state = json.loads((folder / "state.json").read_text())
    gone = state | {"state": "running", "pid": 2**22 + 1, "memory": 24_000_000_000, "free": 20_000_000_000}
    (folder / "state.json").write_text(json.dumps(gone))
    sentence = "memory may have run out: fits take up to 24.0 GB, 20.0 GB were free"
    assert sentence[:50] in ctk("runs", code=0).stdout
    assert sentence in ctk("show", "big", code=0).stdout
    assert f"{folder} was killed: {sentence}" in ctk(*LINE, "--dry-run", code=0).stdout
    assert "was killed" not in ctk(*LINE, "--dry-run", code=0).stdout  # once is enough
    (folder / "state.json").write_text(json.dumps(gone | {"memory": 10**6}))
    assert json.loads(ctk("show", "big", "--json", code=0).stdout)["problem"] == "its process ended without a word"
