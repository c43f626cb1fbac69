"""``ctk --trace-plugins``: every call into a plugin, with its time, on stderr."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ctk.plugins.calls import begin_call, end_call

VARIABLE = "CTK_TRACE_PLUGINS"
"""Set by ``--trace-plugins``, so that worker processes trace too."""

CORE = "ctk"
"""The plugin that the core itself is."""
PATIENCE = 2.0
"""Seconds after which whoever waits for a plugin's import is told on whom."""


@contextmanager
def waiting_for(plugin: str) -> Iterator[None]:
    """Say on whom the user waits, where the block takes long. Of the core itself nothing is said."""
    if plugin == CORE:
        yield
        return
    told = f"waiting for plugin '{plugin}', which is importing ..."
    timer = threading.Timer(PATIENCE, lambda: print(told, file=sys.stderr, flush=True))
    timer.daemon = True
    timer.start()
    call = f"plugin '{plugin}' was being imported"
    begin_call(call)
    try:
        yield
    finally:
        end_call(call)
        timer.cancel()


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
