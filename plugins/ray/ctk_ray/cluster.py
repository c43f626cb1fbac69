"""A Ray cluster as the bridge uses it: joined or started, looked at, given tasks, left."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import ray
from ray import exceptions
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ctk.api import copy_plugins, worker_variables
from ctk.contract import Files
from ctk.errors import CtkError
from ctk.machine import cores
from ctk_ray import worker
from ctk_ray.address import check_address
from ctk_ray.messages import Outcome, Settings, Task, TaskEnd
from ctk_ray.shared import Marks
from ctk_ray.store import Store

LOOKING = 60.0
"""Seconds for a small task on every node; a node starts a worker for it."""
PORTS = ", and ray:// wants its port for clients (10001), an address without ray:// the head's own (6379)"
"""What else may be wrong with an address at which something answers."""


class Cluster:
    """Connected from the first to the last moment. Raises CtkError where that cannot be, or no task would ever fit."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folders: list[Path] = []
        try:
            self._connect()
            known: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
            self.nodes = [node for node in known if node["Alive"]]
            resources = [node["Resources"] for node in self.nodes]
            gpus = settings.num_gpus
            if gpus is None:
                gpus = 1.0 if any(each.get("GPU", 0) >= 1 for each in resources) else 0.0
            _check_fit(resources, settings.num_cpus, gpus)
            self.task = ray.remote(worker.work).options(
                num_cpus=settings.num_cpus, num_gpus=gpus, max_retries=settings.retries, retry_exceptions=False
            )
            self.marks = Marks()
            self.store = Store() if settings.artefacts == "store" else None
        except BaseException:
            self.leave()
            raise

    def submit(self, task: Task) -> Any:
        """The reference of a task's outcome. Raises CtkError where nodes do not see the folders that they should."""
        if task.files is None:
            return self.task.remote(task.call, None, None)
        if self.store is not None:
            return self.task.remote(task.call, self.store.packed(task.files), None)
        return self.task.remote(task.call, None, self._marked(task.files))

    def result(self, task: Task, ref: Any) -> TaskEnd:
        """How a task ended, its files in their place. Raises Ray's errors where its worker was lost."""
        outcome: Outcome = ray.get(ref)
        if self.store is not None and task.files is not None:
            self.store.unpack(task.files, outcome.files)
        return TaskEnd(task.number, outcome.raised, outcome.answer)

    def cancel(self, refs: Sequence[Any], seconds: float) -> None:
        """End tasks now, and wait until they have."""
        for ref in refs:
            with suppress(Exception):
                ray.cancel(ref, force=True)
        if refs:
            with suppress(Exception):
                ray.wait(list(refs), num_returns=len(refs), timeout=seconds)

    def leave(self) -> None:
        """Disconnect; what was started for the run ends."""
        with suppress(AttributeError):
            self.marks.remove()
        with suppress(AttributeError):
            if self.store is not None:
                self.store.close()
        ray.shutdown()
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)

    def told(self, error: Exception) -> str:
        """How a worker was lost, as half a sentence."""
        tries = self.settings.retries + 1
        often = "" if tries == 1 else f", and so did {tries - 1} more that it was given to" if tries > 2 else ""
        if isinstance(error, exceptions.OutOfMemoryError):
            return f"was ended by Ray, as its node ran out of memory{often}"
        if isinstance(error, exceptions.NodeDiedError):
            return f"ended with its node{often}"
        if isinstance(error, exceptions.WorkerCrashedError):
            return f"ended without a word{often}; memory may have run out"
        if isinstance(error, exceptions.RuntimeEnvSetupError):
            return f"could not be started: {_first(error)}"
        return f"was lost to Ray ({type(error).__name__}: {_first(error)})"

    def _connect(self) -> None:
        address = _found(self.settings.address)
        own: dict[str, Any] = {}
        code = Path(tempfile.mkdtemp(prefix="ctk-code-"))
        self.folders.append(code)
        copy_plugins(code, installed=address is not None)
        if address is None:
            # In a folder of its own, so that no other run takes it for a cluster that stays.
            folder = tempfile.mkdtemp(prefix="ctk-ray-")
            self.folders.append(Path(folder))
            own = {"num_cpus": cores(), "include_dashboard": False, "_temp_dir": folder}
        where = "on this machine" if address in (None, "auto") else f"at {address}"
        # A head whose node died a moment ago may fail at the first client that comes: gRPC's fork handlers close what
        # the client's server waits for (seen with Ray 2.60). The second is served.
        for tries_left in (1, 0) if (address or "").startswith("ray://") else (0,):
            try:
                ray.init(
                    address or "local",
                    runtime_env=_environment(self.settings, code),
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                    **own,
                )
                return
            except (Exception, SystemExit) as error:
                if not tries_left:
                    raise CtkError(
                        f"Ray {where} cannot be used: {_first(error)}.",
                        f"What it said is in {self.settings.log}. Versions of Python and Ray must be the cluster's"
                        f"{PORTS if address else ''}.",
                    ) from error
                ray.shutdown()

    def _marked(self, files: Files) -> worker.Seen:
        """What a worker must see. The first time, every node is asked."""
        new, seen = self.marks.of(files)
        if new:
            blind = [name for name, sees in self._everywhere(seen) if not sees]
            if blind:
                raise CtkError(worker.unseen(", ".join(blind), seen), worker.SHARE)
        return seen

    def _everywhere(self, seen: worker.Seen) -> list[tuple[str, bool]]:
        """Each node that could run a task, and whether it sees what it should."""
        look = ray.remote(worker.sees)
        asked = {}
        for node in self.nodes:
            if node["Resources"].get("CPU", 0) >= self.settings.num_cpus:
                there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
                asked[look.options(num_cpus=0, max_retries=0, scheduling_strategy=there).remote(seen)] = node[
                    "NodeManagerHostname"
                ]
        done, _ = ray.wait(list(asked), num_returns=len(asked), timeout=LOOKING)
        answers = []
        for ref in done:
            with suppress(exceptions.RayError):  # a node that is gone runs no task either
                answers.append((asked[ref], bool(ray.get(ref))))
        return answers


def _found(address: str | None) -> str | None:
    """The address to connect to, None to start a cluster. Raises CtkError where there is none."""
    address = address or os.environ.get("RAY_ADDRESS") or None
    if address == "local":
        return None
    if address not in (None, "auto"):
        check_address(address)
        return address
    from ray._private.services import find_bootstrap_address

    running = find_bootstrap_address(None)
    try:
        if running:
            check_address(running, token=True)
            os.environ.pop("RAY_ADDRESS", None)  # which Ray would take for it
            return "auto"  # rather than where it runs: only so does Ray look for its token by itself
    except CtkError:  # it has ended without taking its note away
        pass
    if address == "auto":
        raise CtkError("No Ray cluster runs on this machine.", "Start one: ray start --head. Or leave --address out.")
    return None


def _environment(settings: Settings, code: Path) -> dict[str, Any]:
    """Ray's ``runtime_env``: variables, and the code of plugins that nodes cannot have installed."""
    variables = worker_variables(settings.threads)
    if settings.artefacts == "shared" and "CTK_CACHE" in os.environ:
        variables["CTK_CACHE"] = str(Path(os.environ["CTK_CACHE"]).absolute())
    return {"env_vars": variables} | ({"working_dir": str(code)} if any(code.iterdir()) else {})


def _check_fit(resources: Sequence[dict[str, float]], cpus: float, gpus: float) -> None:
    if any(each.get("CPU", 0) >= cpus and each.get("GPU", 0) >= gpus for each in resources):
        return
    largest = max(resources, key=lambda each: (each.get("GPU", 0), each.get("CPU", 0)), default={})
    raise CtkError(
        f"No node of the Ray cluster could ever run a task with {cpus:g} CPUs and {gpus:g} GPUs: "
        f"the largest of {len(resources)} has {largest.get('CPU', 0):g} and {largest.get('GPU', 0):g}.",
        "Ask for less: -o executor.num_cpus=N -o executor.num_gpus=N.",
    )


def _first(error: BaseException) -> str:
    """The first line of what an error says."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(error).__name__
