"""A plugin's executor inside its guard."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import TypeVar

from ctk.guard.guard import Guard, Wrong

T = TypeVar("T")
G = TypeVar("G")


def make_pool(guard: Guard, workers: int, threads: int) -> Executor:
    """An executor that has what ``concurrent.futures`` asks of one."""
    pool: Executor = guard.make(workers, threads)
    with guard("being made"):
        for method in ("submit", "shutdown"):
            if not callable(getattr(pool, method, None)):
                raise Wrong(f"made a {type(pool).__name__}, which has no '{method}'; an Executor is needed")
    return pool


def submitted(guard: Guard, pool: Executor, call: Callable[[G], T], given: G) -> Future[T]:
    """The future of a call, one that ``concurrent.futures.wait`` can wait for."""
    with guard("taking on a task"):
        future: Future[T] = pool.submit(call, given)
        if not isinstance(future, Future):
            wanted = "a concurrent.futures.Future is needed"
            raise Wrong(f"answered a task with a {type(future).__name__}, and {wanted}")
    return future
