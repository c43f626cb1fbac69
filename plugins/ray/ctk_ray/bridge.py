"""The process between a run and Ray: takes tasks from a pipe, makes Ray tasks of them, and answers how each ended."""

from __future__ import annotations

import os
import pickle
import queue
import signal
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from ctk.contract import WorkerLost
from ctk.errors import CtkError
from ctk_ray.messages import Leave, Ready, Settings, Task, TaskEnd

if TYPE_CHECKING:
    from ctk_ray.cluster import Cluster

PATIENCE = 10.0
"""Seconds that cancelled tasks are given to be gone."""


def serve(pipe: Connection, settings: Settings) -> None:
    """Connect, then carry out what comes until ``Leave`` or the other end's death."""
    os.setsid()  # Ctrl-C in the terminal is the run's to hear, and neither this process's nor Ray's
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    log = os.open(settings.log, os.O_WRONLY | os.O_APPEND)
    for stream in (1, 2):  # whatever Ray prints
        os.dup2(log, stream)
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
    try:
        from ctk_ray.cluster import Cluster

        cluster = Cluster(settings)
    except ImportError as error:
        help = "Mend it with: pip install --force-reinstall 'ray[client,default]'"
        pipe.send(CtkError(f"Ray is installed and does not load: {error}.", help))
        return
    except CtkError as error:
        pipe.send(error)
        return
    try:
        pipe.send(Ready())
        _Bridge(pipe, cluster).run()
    finally:
        cluster.leave()


class _Bridge:
    def __init__(self, pipe: Connection, cluster: Cluster) -> None:
        self.pipe = pipe
        self.cluster = cluster
        self.lock = threading.Lock()
        self.running: dict[int, Any] = {}
        self.answers: queue.SimpleQueue[TaskEnd] = queue.SimpleQueue()

    def run(self) -> None:
        threading.Thread(target=self._tell, daemon=True).start()
        with suppress(EOFError, OSError):  # the run's process is gone: as if it had said Leave
            while not isinstance(said := self.pipe.recv(), Leave):
                self._begin(said)
        with self.lock:
            running = list(self.running.values())
        self.cluster.cancel(running, PATIENCE)

    def _begin(self, task: Task) -> None:
        try:
            ref = self.cluster.submit(task)
        except Exception as error:
            self._failed(task, error)
            return
        with self.lock:
            self.running[task.number] = ref
        # Called in a thread of Ray's, which must not wait for Ray.
        ref.future().add_done_callback(
            lambda done: threading.Thread(target=self._end, args=(task,), daemon=True).start()
        )

    def _end(self, task: Task) -> None:
        with self.lock:
            ref = self.running.pop(task.number)
        try:
            self.answers.put(self.cluster.result(task, ref))
        except Exception as error:
            self._failed(task, error)

    def _failed(self, task: Task, error: Exception) -> None:
        """Answer with a CtkError as it is; any other is Ray's: the worker or the cluster is gone."""
        raised = error if isinstance(error, CtkError) else WorkerLost(self.cluster.told(error))
        self.answers.put(TaskEnd(task.number, True, pickle.dumps(raised)))

    def _tell(self) -> None:
        """Send answers, in a thread of its own: were no task read until they are, both ends could wait for ever."""
        with suppress(OSError):
            while True:
                self.pipe.send(self.answers.get())
