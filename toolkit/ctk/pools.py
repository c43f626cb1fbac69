"""Pools of workers: opened for a config's executor, and closed whatever happens."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from pathlib import Path

from ctk.config import Execution
from ctk.files import remove_unfinished
from ctk.guard import Guard, make_pool


@contextmanager
def opened(execution: Execution, folder: Path) -> Iterator[tuple[Executor, Guard]]:
    """A pool of the executor's workers, and the guard of its plugin.

    On any error (Ctrl-C too) nothing is waited for: what is queued is cancelled, worker processes end, and what they
    were writing below ``folder`` is removed.
    """
    guard = Guard("executors", execution.name)
    others = multiprocessing.active_children()
    pool = make_pool(guard, execution.workers, execution.threads)
    try:
        yield pool, guard
    except BaseException:
        children = [child for child in multiprocessing.active_children() if child not in others]
        for child in children:
            child.terminate()
        with suppress(Exception):  # the first error matters more
            pool.shutdown(wait=False, cancel_futures=True)
        for child in children:
            child.join(5)
            child.kill()
            child.join()
        remove_unfinished(folder)
        raise
    with guard("shutting down"):
        pool.shutdown()
