"""A real Ray cluster of two nodes on this machine, and runs of the toy competition on it.

Worker processes on its nodes cannot open what lies below a folder named ``hidden``, so that what only the driver can
see is seen by the driver alone; CTK_CACHE of a node is a folder of its own.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ctk.runs import Run
from ctk.testing import toy
from ctk.testing.home import Home, home_in

BLIND = """
import os, sys, tempfile

def hide(event, arguments, hidden=os.sep + "hidden" + os.sep):
    if event in ("open", "os.listdir", "os.scandir", "os.mkdir", "os.rename") and "CTK_WORKER" in os.environ:
        path = os.fsdecode(arguments[0]) if isinstance(arguments[0], (str, bytes, os.PathLike)) else ""
        if hidden in path and not path.startswith(os.path.join(tempfile.gettempdir(), "ctk-task-")):
            raise FileNotFoundError(2, "hidden from this node", str(arguments[0]))

sys.addaudithook(hide)
"""
STALLING = '''
"""A loss that waits in its third epoch until a file is there."""

import os
import time
import uuid
from pathlib import Path

from torch import nn

from ctk import hookimpl

PLACE = Path({place!r})


@hookimpl
def ctk_register_losses(register):
    register("stalling", "ctk_plugins.stalling:Stalling")


class Stalling(nn.Module):
    def forward(self, prediction, batch):
        if batch.epoch == 2 and not (PLACE / "go").exists():
            (PLACE / f"stalled-{{uuid.uuid4().hex}}").touch()
            while not (PLACE / "go").exists():
                time.sleep(0.02)
        return ((prediction - batch.target) ** 2).mean()
'''
MEMBERS = (
    "[{model: toy-network, loss: stalling, epochs: 5, checkpoint_every: 1, batch: {size: 16}},"
    " {model: ridge, uses: [toy-network], seeds: [0]}]"
)
LINE = (
    "run", "toy-regression", f"-omembers={MEMBERS}", "-oblend=mean", "-otrackers=[]", "-oexecutor.threads=1",
    "-osplit.folds=2", "-osplit.use=2", "--seeds", "1",
)  # fmt: skip
PATIENCE = 300.0
"""Seconds for a step that takes some; a machine may be slow, and a test that hangs must end."""


@dataclass
class TwoNodes:
    """A cluster with one CPU on each node.

    site  a folder that only its processes have on their path
    """

    cluster: Any
    site: Path
    client: str
    arguments: dict[str, Any]

    @property
    def address(self) -> str:
        """Of the head, for drivers on its machine."""
        return str(self.cluster.address)

    def kill_a_node(self) -> None:
        """End the node that is not the head as a machine that loses its power would; another comes."""
        self.cluster.remove_node(sorted(self.cluster.worker_nodes, key=str)[0], allow_graceful=False)
        self.cluster.add_node(**self.arguments)

    def workers(self) -> list[int]:
        """Ids of processes in which tasks run or ran."""
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                variables = path.read_bytes().split(b"\0")
                if b"CTK_WORKER=1" in variables and any(bytes(self.site) in each for each in variables):
                    found.append(int(path.parent.name))
        return found


@pytest.fixture(scope="module")
def two_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoNodes]:
    """Real nodes, each a set of processes."""
    from ray.cluster_utils import Cluster

    site = tmp_path_factory.mktemp("site")
    (site / "sitecustomize.py").write_text(BLIND)
    variables = {"PYTHONPATH": str(site), "CTK_CACHE": str(tmp_path_factory.mktemp("node"))}
    variables["GRPC_ENABLE_FORK_SUPPORT"] = "0"  # or the first client after a node's death fails, half a minute later
    common = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False, "env_vars": variables}
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    cluster = Cluster(initialize_head=True, head_node_args={**common, "ray_client_server_port": port})
    cluster.add_node(**common)
    yield TwoNodes(cluster, site, f"ray://127.0.0.1:{port}", common)
    cluster.shutdown()


@dataclass
class Stalled:
    """Runs of the toy competition whose fits wait in their third epoch until ``go``."""

    home: Home
    place: Path
    ctk: Any

    def go(self) -> None:
        """Let all fits end."""
        (self.place / "go").touch()

    def stalls(self) -> int:
        """How many fits have waited."""
        return len(list(self.place.glob("stalled-*")))

    def run(self, *arguments: str, code: int = 0) -> str:
        """``ctk run`` of a network on two folds and a ridge regression that uses it, in this process: what it says."""
        self.go()
        done = self.ctk(*LINE, *arguments, code=code)
        return str(done.stdout + done.stderr)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """The same in a session of its own, where it waits."""
        return self.ctk.start(*LINE, *arguments, OMP_NUM_THREADS="1")  # type: ignore[no-any-return]

    def until_stalled(self, process: subprocess.Popen[str], fits: int) -> None:
        """Wait until so many fits wait."""
        wait_until(lambda: self.stalls() >= fits or process.poll() is not None)
        assert process.poll() is None, process.communicate()[0]

    def until(self, true: Any) -> None:
        """Look again and again."""
        wait_until(true)

    def ended(self, process: subprocess.Popen[str], code: int = 0) -> str:
        """What it printed, once it has ended with this exit code."""
        printed, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == code, printed
        return printed

    def run_named(self, name: str) -> Run:
        """The run of that name."""
        (folder,) = self.home.runs.glob(f"toy-regression/*-{name}")
        return Run(folder)


def stalled_in(home: Home, ctk_in: Any) -> Stalled:
    """In a home, the toy competition and the stalling loss as one-file plugins."""
    place = home.work.parent.parent / "place"
    place.mkdir()
    folder = home.work / "ctk_plugins"
    folder.mkdir()
    shutil.copy(toy.__file__, folder / "toy.py")
    (folder / "stalling.py").write_text(STALLING.format(place=str(place)))
    return Stalled(home, place, ctk_in(home.work, home.runs))


@pytest.fixture
def stalled(ctk_home: Home, ctk_in: Any) -> Stalled:
    """Where every node sees it."""
    return stalled_in(ctk_home, ctk_in)


@pytest.fixture
def hidden(tmp_path: Path, ctk_in: Any) -> Iterator[Stalled]:
    """Where only the driver sees it."""
    with home_in(tmp_path / "hidden") as home:
        yield stalled_in(home, ctk_in)


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory, ctk_in: Any) -> Run:
    """The same run in one process, one part after another."""
    with home_in(tmp_path_factory.mktemp("serial") / "home") as home:
        stalled = stalled_in(home, ctk_in)
        stalled.run("--executor", "serial", "--name", "serial")
        return stalled.run_named("serial")


def wait_until(true: Any) -> None:
    """Look again and again."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
