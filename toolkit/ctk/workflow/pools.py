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
from ctk.plugins.guard import Guard, stop_pool


def choose_workers(execution: Execution, tasks: int) -> Execution:
    """Choose numbers of workers and threads for so many tasks, where the config says 0.

    Asks the executor whether it could work, and raises its CtkError where not.
    """
    guard = Guard("executors", execution.name)
    _check(guard, execution.options)
    own = getattr(guard.load(), "share", share)
    workers, threads = guard.call("share", own, tasks, execution.workers, execution.threads)
    return execution.model_copy(update={"workers": workers, "threads": threads})


def check_executor_address(name: str, address: str) -> None:
    """Ask an executor whether it could work at an address, before all that a config needs is imported.

    That takes longer than the answer. Raises CtkError where it could not; an executor without addresses is not asked.
    """
    guard = Guard("executors", name)
    if "address" in inspect.signature(guard.load()).parameters:
        _check(guard, {"address": address})


def _check(guard: Guard, options: Mapping[str, Any]) -> None:
    if (own := getattr(guard.load(), "check", None)) is not None:
        guard.call("check", own, **options)


@contextmanager
def open_pool(execution: Execution, folder: Path) -> Iterator[tuple[Executor, Guard]]:
    """Open a pool of the executor's workers; gives it with the guard of its plugin.

    On any error (Ctrl-C too) nothing is waited for: what is queued is cancelled, worker processes end, and what they
    were writing below ``folder`` is removed.
    """
    guard = Guard("executors", execution.name)
    others = multiprocessing.active_children()
    pool: Executor = guard.make(execution.workers, execution.threads, **execution.options)
    try:
        yield pool, guard
    except BaseException:
        with suppress(Exception):  # the first error matters more
            stop_pool(guard, pool, others)
        remove_unfinished(folder)
        raise
    guard.call("shutdown", pool.shutdown)
