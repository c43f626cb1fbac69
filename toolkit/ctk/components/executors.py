"""Executors on this machine, shaped like concurrent.futures."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess
from typing import Annotated, Any, TypeVar

from pydantic import Field

from ctk.components.main_guard import check_main_guard
from ctk.contract import WorkerLost
from ctk.machine import THREADS, describe_exit, end_processes, threads_of_each, visible_gpus

T = TypeVar("T")


def local(workers: int, threads: int, *, retries: Annotated[int, Field(ge=0)] = 0) -> Executor:
    """Start so many worker processes with so many torch threads each; with GPUs, each worker sees one of them.

    retries  how often a task is given to another process when the one that ran it died; a fit goes on from its last
             checkpoint
    """
    return _Local(workers, threads, retries, visible_gpus())


local.check = check_main_guard  # type: ignore[attr-defined]


class Serial(Executor):
    """Runs each task at once in this process, with so many torch threads."""

    def __init__(self, workers: int, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)

    @staticmethod
    def share(tasks: int, workers: int, threads: int) -> tuple[int, int]:
        """One worker, however many are asked for, with all cores, or as many as OMP_NUM_THREADS says."""
        return 1, threads or threads_of_each(1)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class _Local(Executor):
    """Worker processes with one task at a time each. One that dies costs its own task alone; those beside it go on."""

    def __init__(self, workers: int, threads: int, retries: int, gpus: Sequence[str]) -> None:
        self.retries = retries
        self.waiting: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        # With more workers than GPUs some share one; with fewer some GPUs are left alone.
        places = [gpus[number % len(gpus)] if gpus else None for number in range(workers)]
        self.workers = [_Worker(threads, gpu) for gpu in places]
        self.threads: list[threading.Thread] = []
        self.submitted = 0
        self.closed = False
        _start_resource_tracker()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        if self.closed:
            raise RuntimeError("a task was submitted after the executor's end")
        future: Future[T] = Future()
        self.waiting.put(_Work(future, partial(fn, *args, **kwargs)))
        self.submitted += 1
        if len(self.threads) < min(self.submitted, len(self.workers)):
            worker = self.workers[len(self.threads)]
            self.threads.append(threading.Thread(target=self._serve, args=(worker,), daemon=True))
            self.threads[-1].start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self.closed = True
        if cancel_futures:
            with suppress(queue.Empty):
                while True:
                    if (work := self.waiting.get_nowait()) is not None:
                        work.future.cancel()
        for _ in self.threads:
            self.waiting.put(None)
        if wait:
            for thread in self.threads:
                thread.join()

    def stop(self) -> None:
        """End every process now."""
        self.shutdown(wait=False, cancel_futures=True)
        for worker in self.workers:
            worker.retired = True
        end_processes([process for worker in self.workers if (process := worker.process) is not None])
        for thread in self.threads:
            thread.join()

    def _serve(self, worker: _Worker) -> None:
        while (work := self.waiting.get()) is not None:
            if not work.future.set_running_or_notify_cancel():
                continue
            for left in reversed(range(self.retries + 1)):
                try:
                    work.future.set_result(worker.run(work.call))
                except WorkerLost as error:
                    if left and not worker.retired:
                        continue
                    work.future.set_exception(error)
                except BaseException as error:
                    work.future.set_exception(error)
                break
        worker.close()


@dataclass(frozen=True)
class _Work:
    future: Future[Any]
    call: Callable[[], Any]


class _Worker:
    """One process at a time, started when it is needed; ``retired`` ones start no other."""

    def __init__(self, threads: int, gpu: str | None) -> None:
        self.given = (threads, os.getpid(), gpu)
        self.pool: ProcessPoolExecutor | None = None
        self.process: BaseProcess | None = None
        self.retired = False

    def run(self, call: Callable[[], Any]) -> Any:
        """The call's result. Raises what it raises, WorkerLost where its process ends before."""
        try:
            return self._started().submit(call).result()
        except BrokenExecutor:
            how = describe_exit(self.process)
            self.close()
            raise WorkerLost(how) from None

    def close(self) -> None:
        """Let the process end."""
        if self.pool is not None:
            self.pool.shutdown()
        self.pool = self.process = None

    def _started(self) -> ProcessPoolExecutor:
        if self.pool is None:
            if self.retired:
                raise BrokenExecutor
            context = multiprocessing.get_context("spawn")
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})  # inherited until it can be ignored
            try:
                self.pool = ProcessPoolExecutor(1, context, initializer=_start_worker, initargs=self.given)
                resource_tracker.ensure_running()  # which, started below, would let Ctrl-C through to this thread again
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
                asked = self.pool.submit(os.getpid)
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
            pid = asked.result()
            self.process = next((each for each in multiprocessing.active_children() if each.pid == pid), None)
            if self.retired and self.process is not None:  # meanwhile
                end_processes([self.process])
        return self.pool


def _start_resource_tracker() -> None:
    """Start Python's process that removes the semaphores of a killed one, and let it do so in silence."""
    quiet = "ignore:resource_tracker:UserWarning"
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})  # inherited: it outlives a closed terminal
    sys.warnoptions.append(quiet)  # handed to the processes that are started
    try:
        resource_tracker.ensure_running()
    finally:
        sys.warnoptions.remove(quiet)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker(threads: int, parent: int, gpu: str | None) -> None:
    """Before torch is imported: threads, a GPU, and an end with the parent's, however that comes."""
    for name in THREADS:
        os.environ[name] = str(threads)
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    # Ctrl-C and a terminal's end reach the whole process group; the parent alone decides what happens then.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGHUP})
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
