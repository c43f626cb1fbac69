"""``ctk --trace-plugins``: every call into a plugin, with its time, on stderr."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

VARIABLE = "CTK_TRACE_PLUGINS"
"""Set by ``--trace-plugins``, so that worker processes trace too."""


@contextmanager
def trace_call(plugin: str, what: str) -> Iterator[None]:
    """Print how long the block took and whether it failed, where a trace was asked for."""
    if not os.environ.get(VARIABLE):
        yield
        return
    begun = time.perf_counter()
    failed = "  failed"
    try:
        yield
        failed = ""
    finally:
        took = (time.perf_counter() - begun) * 1000
        print(f"trace {took:9.2f} ms  {plugin:<16} {what}{failed}", file=sys.stderr, flush=True)
