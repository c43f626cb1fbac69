"""Executors on this machine, shaped like concurrent.futures."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import suppress
from multiprocessing.queues import Queue
from typing import Any, TypeVar

T = TypeVar("T")


def local(workers: int, threads: int) -> Executor:
    """So many worker processes with so many torch threads each; with GPUs, each worker sees one of them."""
    context = multiprocessing.get_context("spawn")
    gpus: Queue[str] = context.Queue()
    for gpu in visible_gpus():
        gpus.put(gpu)
    return ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(threads, os.getpid(), gpus))


def serial(workers: int, threads: int) -> Executor:
    """Run each task at once in this process, with so many torch threads."""
    return _Serial(threads)


def visible_gpus() -> list[str]:
    """Names of the GPUs this process may use, as CUDA_VISIBLE_DEVICES takes them."""
    import torch

    if not torch.cuda.is_available():
        return []
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    return named.split(",") if named else [str(number) for number in range(torch.cuda.device_count())]


def cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share(tasks: int, workers: int, threads: int) -> tuple[int, int]:
    """Workers and threads for so many tasks where zero means "choose": never more threads than cores."""
    at_once = len(visible_gpus()) or cores()
    workers = workers or max(1, min(tasks, at_once))
    return workers, threads or max(1, cores() // workers)


class _Serial(Executor):
    def __init__(self, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def _start_worker(threads: int, parent: int, gpus: Queue[str]) -> None:
    """Before torch is imported: threads, a GPU, and an end with the parent's, however that comes."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
    with suppress(queue.Empty):  # no GPUs, or more workers than GPUs
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus.get(timeout=0.1)
    # Ctrl-C reaches the whole process group; the parent alone decides what happens then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
