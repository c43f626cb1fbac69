"""Runs of the toy competition that stop where a test wants them to be killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ctk.runs import Run
from ctk.testing import toy
from ctk.testing.home import Home

STALLING = '''
"""A loss that waits in its sixth epoch until a file is there."""

import os
import time
from pathlib import Path

from torch import nn

from ctk import hookimpl


@hookimpl
def ctk_register_losses(register):
    register("stalling", "ctk_plugins.stalling:Stalling")


class Stalling(nn.Module):
    def forward(self, prediction, batch):
        go = Path(os.environ["TEST_GO"])
        while batch.epoch == 5 and not go.exists():
            go.with_name("stalled").touch()
            time.sleep(0.02)
        return ((prediction - batch.target) ** 2).mean()
'''
EPOCHS = 8
PATIENCE = 300.0
"""Seconds for a step that takes some; a machine may be slow, and a test that hangs must end."""


@dataclass
class ToyRun:
    """A run of one network for eight epochs, checkpointed every second, in a process of its own; in two if local."""

    home: Home
    ctk: Any
    tracker: str = "csv"
    executor: str = "serial"
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The run's folder; there is one run."""
        (folder,) = self.home.runs.glob("toy-regression/*")
        return folder

    @property
    def stage(self) -> Path:
        """The folder of its fit."""
        return self.folder / "members/toy-network/seed-1/fold-0/checkpoints/stage-1"

    @property
    def log(self) -> str:
        """Its log.txt."""
        return (self.folder / "log.txt").read_text()

    def go(self) -> None:
        """Let it go on beyond its fifth epoch."""
        (self.home.work / "go").touch()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """``ctk run``, or with ``--resume`` among the arguments the same run again."""
        if "--resume" not in arguments:
            member = (
                f"{{model: toy-network, loss: stalling, epochs: {EPOCHS}, checkpoint_every: 2, "
                "batch: {size: 16}, optimizer: {lr: 0.01}}"
            )
            chosen = f"-otrackers=[{self.tracker}]", f"-oexecutor={{name: {self.executor}, threads: 1}}"
            arguments = (f"-omembers=[{member}]", "-oblend=mean", *chosen, *arguments)
        variables = {"TEST_GO": str(self.home.work / "go"), "OMP_NUM_THREADS": "1", **self.variables}
        return self.ctk.start("run", "toy-regression", *arguments, **variables)

    def run(self, *arguments: str) -> str:
        """The same to its end, without a stop; returns what was printed, but for who was waited for."""
        self.go()
        process = self.start(*arguments)
        printed, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, printed
        return "".join(line for line in printed.splitlines(keepends=True) if "which is importing ..." not in line)

    def resume(self) -> str:
        """Go on with the run to its end."""
        return self.run("--resume", str(self.folder))

    def stop(self, how: signal.Signals) -> str:
        """Start the run, end it in its sixth epoch and wait until none of its processes is left."""
        process = self.start()
        _until(lambda: (self.home.work / "stalled").exists() or process.poll() is not None)
        assert process.poll() is None, process.communicate()[0]
        family = _family(process.pid)
        if how is signal.SIGKILL:
            process.kill()
        else:  # as a terminal sends Ctrl-C: to all of its processes
            os.killpg(process.pid, how)
            self.go()
        printed, _ = process.communicate(timeout=PATIENCE)
        _until(lambda: not family & _processes().keys())
        return printed


@pytest.fixture
def toy_run(ctk_home: Home, ctk: Any) -> Iterator[ToyRun]:
    """A run of the toy competition that can be killed in the middle."""
    plugins = ctk_home.work / "ctk_plugins"
    plugins.mkdir()
    shutil.copy(toy.__file__, plugins / "toy.py")
    (plugins / "stalling.py").write_text(STALLING)
    run = ToyRun(ctk_home, ctk)
    yield run
    if any(ctk_home.runs.glob("toy-regression/*")):
        assert Run(run.folder).state()["state"] != "running"


def _until(true) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def _processes() -> dict[tuple[int, str], int]:
    """Living processes, as (id, when it started), each with its parent's id."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if fields[0] != "Z":
            found[int(path.parent.name), fields[19]] = int(fields[1])
    return found


def _family(pid: int) -> set[tuple[int, str]]:
    """A process and all that descend from it."""
    processes = _processes()
    family = {pid}
    while more := {each for (each, _), parent in processes.items() if parent in family} - family:
        family |= more
    return {each for each in processes if each[0] in family}
