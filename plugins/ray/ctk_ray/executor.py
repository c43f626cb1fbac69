"""The executor: futures on one side, the process that talks to Ray on the other."""

from __future__ import annotations

import importlib.util
import itertools
import multiprocessing
import pickle
import tempfile
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field

from ctk.contract import Portable, WorkerLost
from ctk.errors import CtkError
from ctk.machine import end_processes, exit_code
from ctk_ray import messages
from ctk_ray.address import check_address_apart
from ctk_ray.bridge import serve

T = TypeVar("T")
INSTALL = "Install it with: pip install 'ray[client,default]'"
STARTING = 120.0
"""Seconds for Ray to start or be joined, once something answers; a loaded machine takes ten."""
ENDING = 30.0
"""Seconds for tasks to be cancelled and for what was started to end."""


class RayExecutor(Executor):
    """Members, folds and trials as Ray tasks.

    address    ray://HEAD:10001 from anywhere, HEAD:6379 from a machine of the cluster, auto for a cluster that runs on
               this machine, local for one that is started for the run and ends with it; none is RAY_ADDRESS, else auto,
               else local
    num_cpus   that Ray sets aside for each task; none is as many as it has threads
    num_gpus   the same of GPUs, which are the only ones the task sees; none is 1 where the cluster has any
    retries    how often a task is given to another worker when its own was lost; what it raises is final
    artefacts  shared: every node sees the run's folder and the cache by the same paths. store: none needs to; what
               tasks read and write goes through Ray's object store
    """

    def __init__(
        self,
        workers: int,
        threads: int,
        *,
        address: str | None = None,
        num_cpus: Annotated[float, Field(gt=0)] | None = None,
        num_gpus: Annotated[float, Field(ge=0)] | None = None,
        retries: Annotated[int, Field(ge=0)] = 3,
        artefacts: Literal["shared", "store"] = "shared",
    ) -> None:
        self.check()
        self.workers = workers
        self.carries = artefacts == "store"
        self.running: dict[int, Future[Any]] = {}
        self.waiting: deque[tuple[Future[Any], messages.Task]] = deque()
        self.lock = threading.Lock()
        self.numbers = itertools.count()
        self.closed = False
        self.lost = False
        self.log = Path(tempfile.mkstemp(prefix="ctk-ray-", suffix=".log")[1])
        settings = messages.Settings(
            address, threads, threads if num_cpus is None else num_cpus, num_gpus, retries, artefacts, self.log
        )
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.bridge = context.Process(target=serve, args=(theirs, settings), name="ctk-ray", daemon=True)
        self.bridge.start()
        theirs.close()
        try:
            self._begun()
        except BaseException as error:
            if isinstance(error, CtkError):  # it said so itself, and is putting things away
                self.bridge.join(ENDING)
            end_processes([self.bridge])
            if str(self.log) not in str(error):
                self.log.unlink(missing_ok=True)
            raise
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    @staticmethod
    def check(*, address: str | None = None, **options: Any) -> None:
        """Raise CtkError where there is no Ray, or no cluster at the address."""
        if importlib.util.find_spec("ray") is None:
            raise CtkError("The executor 'ray' needs Ray, which is not installed.", INSTALL)
        if address is not None:
            check_address_apart(address)

    @staticmethod
    def share(tasks: int, workers: int, threads: int) -> tuple[int, int]:
        """All tasks at once, for Ray knows how many fit, with a thread each."""
        return workers or tasks, threads or 1

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """The task's future. Files travel for a single argument that is ``ctk.contract.Portable``.

        Raises CtkError for any other where files would have to, BrokenExecutor once the process that talks to Ray is
        gone.
        """
        if self.closed:
            raise RuntimeError("a task was submitted after the executor's end")
        portable = args[0] if len(args) == 1 and not kwargs and isinstance(args[0], Portable) else None
        if self.carries and portable is None:
            raise CtkError(
                "Ray's object store carries the files of fits and trials, and this task is another.",
                "Share the folder of runs among the nodes, and leave out -o executor.artefacts=store.",
            )
        future: Future[T] = Future()
        task = messages.Task(
            next(self.numbers),
            pickle.dumps((fn, args, kwargs)),
            None if portable is None else portable.files(),
        )
        with self.lock:
            if self.lost:
                raise BrokenExecutor(f"Ray's driver ended; what it said is in {self.log}")
            self.waiting.append((future, task))
        self._send()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let tasks end, then Ray."""
        self.closed = True
        if cancel_futures:
            self._drop()
        if wait:
            with self.lock:
                left = [*self.running.values(), *(future for future, _ in self.waiting)]
            for future in left:
                with suppress(BaseException):
                    future.result()
            self._leave()

    def stop(self) -> None:
        """Cancel every task now, wait until their workers are gone, and leave Ray or end what was started of it."""
        self.closed = True
        self._drop()
        self._leave()

    def _begun(self) -> None:
        """Wait until the bridge is connected. Raises CtkError for what it says instead, or where it says nothing."""
        said: Any = None
        with suppress(EOFError, OSError):
            if self.pipe.poll(STARTING):
                said = self.pipe.recv()
        if isinstance(said, messages.Ready):
            return
        if isinstance(said, CtkError):
            raise said
        raise CtkError("Ray could not be started or joined.", f"What it said is in {self.log}.")

    def _send(self) -> None:
        """Hand on as many tasks as may run."""
        with self.lock:
            while self.waiting and len(self.running) < self.workers:
                future, task = self.waiting.popleft()
                if future.set_running_or_notify_cancel():
                    self.running[task.number] = future
                    try:
                        self.pipe.send(task)
                    except OSError:  # the bridge is gone; who reads from it tells everyone
                        return

    def _read(self) -> None:
        while True:
            try:
                said = self.pipe.recv()
            except (EOFError, OSError):
                break
            with self.lock:
                future = self.running.pop(said.number)
            answer = pickle.loads(said.answer)
            (future.set_exception if said.raised else future.set_result)(answer)
            self._send()
        with self.lock:
            self.lost = True
            lost = [*self.running.values(), *(future for future, _ in self.waiting)]
            self.running.clear()
            self.waiting.clear()
        for future in lost:
            if not future.cancelled():
                future.set_exception(WorkerLost(f"was given up, as Ray's driver ended; what it said is in {self.log}"))

    def _drop(self) -> None:
        with self.lock:
            for future, _ in self.waiting:
                future.cancel()
            self.waiting.clear()

    def _leave(self) -> None:
        with self.lock, suppress(OSError):
            self.pipe.send(messages.Leave())
        self.bridge.join(ENDING)
        well = exit_code(self.bridge) == 0
        end_processes([self.bridge])
        self.reader.join()
        if well:
            self.log.unlink(missing_ok=True)
