"""A plugin's executor inside its guard."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import suppress
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from ctk.machine import end
from ctk.plugins.guard.guard import Guard, Wrong

T = TypeVar("T")
G = TypeVar("G")


def make_pool(guard: Guard, workers: int, threads: int, **options: Any) -> Executor:
    """An executor that has what ``concurrent.futures`` asks of one."""
    pool: Executor = guard.make(workers, threads, **options)
    with guard("being made"):
        for method in ("submit", "shutdown"):
            if not callable(getattr(pool, method, None)):
                raise Wrong(f"made a {type(pool).__name__}, which has no '{method}'; an Executor is needed")
    return pool


def submitted(guard: Guard, pool: Executor, call: Callable[[G], T], given: G) -> Future[T]:
    """The future of a call, one that ``concurrent.futures.wait`` can wait for."""
    with guard("taking on a task"):
        try:
            future: Future[T] = pool.submit(call, given)
        except BrokenExecutor as error:  # a worker died since the last task
            future = Future()
            future.set_exception(error)
        if not isinstance(future, Future):
            wanted = "a concurrent.futures.Future is needed"
            raise Wrong(f"answered a task with a {type(future).__name__}, and {wanted}")
    return future


def stop(pool: Executor, others: Sequence[BaseProcess]) -> None:
    """End an executor at once, by its own ``stop`` or else with its processes: the children that are not ``others``."""
    if callable(own := getattr(pool, "stop", None)):
        own()
        return
    children = [child for child in multiprocessing.active_children() if child not in others]
    for child in children:
        child.terminate()
    with suppress(Exception):
        pool.shutdown(wait=False, cancel_futures=True)
    end(children)
