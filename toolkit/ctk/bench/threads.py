"""As many threads for every library, so that contestants have the same machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

THREADS = 2
"""A cheap notebook's cores: what the tables are made for."""


@contextmanager
def limit_threads(most: int = THREADS) -> Iterator[int]:
    """Run the block with at most so many threads on as many processors; gives their number.

    Processors for our blending engine, which asks for them at each call; torch, and through threadpoolctl the BLAS of
    numpy and OpenMP of others, have pools that must be told.
    """
    allowed = os.sched_getaffinity(0)
    threads = min(most, len(allowed))
    before = torch.get_num_threads()
    with ExitStack() as stack:
        os.sched_setaffinity(0, sorted(allowed)[:threads])
        stack.callback(os.sched_setaffinity, 0, allowed)
        torch.set_num_threads(threads)
        stack.callback(torch.set_num_threads, before)
        try:
            from threadpoolctl import threadpool_limits
        except ImportError:
            pass
        else:
            stack.enter_context(threadpool_limits(threads))
        yield threads
