"""Pools of workers: opened for a config's executor, and closed whatever happens."""

from __future__ import annotations

import inspect
import multiprocessing
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ctk.contract import Execution
from ctk.files import remove_unfinished
from ctk.machine import share
from ctk.plugins import plugins
from ctk.plugins.guard import Guard, make_pool, stop


def choose_workers(execution: Execution, tasks: int) -> Execution:
    """The same with numbers of workers and threads for so many tasks, where it said 0.

    Asks the executor whether it could work, and raises its CtkError where not.
    """
    factory = plugins().load("executors", execution.name)
    _check(execution.name, factory, execution.options)
    workers, threads = getattr(factory, "share", share)(tasks, execution.workers, execution.threads)
    return execution.model_copy(update={"workers": workers, "threads": threads})


def check_executor_address(name: str, address: str) -> None:
    """Ask an executor whether it could work at an address, before all that a config needs is imported.

    That takes longer than the answer. Raises CtkError where it could not; an executor without addresses is not asked.
    """
    factory = plugins().load("executors", name)
    if "address" in inspect.signature(factory).parameters:
        _check(name, factory, {"address": address})


def _check(name: str, factory: Any, options: Mapping[str, Any]) -> None:
    if (check := getattr(factory, "check", None)) is not None:
        with Guard("executors", name)("being asked whether it could work"):
            check(**options)


@contextmanager
def open_pool(execution: Execution, folder: Path) -> Iterator[tuple[Executor, Guard]]:
    """A pool of the executor's workers, and the guard of its plugin.

    On any error (Ctrl-C too) nothing is waited for: what is queued is cancelled, worker processes end, and what they
    were writing below ``folder`` is removed.
    """
    guard = Guard("executors", execution.name)
    others = multiprocessing.active_children()
    pool = make_pool(guard, execution.workers, execution.threads, **execution.options)
    try:
        yield pool, guard
    except BaseException:
        with suppress(Exception):  # the first error matters more
            stop(pool, others)
        remove_unfinished(folder)
        raise
    with guard("shutting down"):
        pool.shutdown()
