"""With ``--json``, stdout is JSON and nothing else, whatever plugins print."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress

import click

_kept = ExitStack()
"""Holds what keeps stdout clean, from ``--json`` on until the JSON is printed."""


def keep_clean(context: click.Context, option: click.Parameter, wanted: bool) -> bool:
    """Callback of ``--json``: from now on what is printed goes to stderr."""
    if wanted and sys.stdout is not None:  # where it is closed there is nothing to keep clean
        _kept.enter_context(_prints_to_stderr())
        context.call_on_close(_kept.close)
    return wanted


def give_back() -> None:
    """What is printed goes to stdout again; nothing happens where it does already."""
    _kept.close()


@contextmanager
def _prints_to_stderr() -> Iterator[None]:
    """Of Python, of compiled libraries, and of the worker processes that are started meanwhile."""
    out, mine = sys.stdout, None
    with suppress(OSError):  # of the two, one may be closed
        out.flush()
        mine = os.dup(1)
        os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        with suppress(OSError, ValueError):
            out.flush()  # the lines of whoever had kept the stream
        if mine is not None:
            os.dup2(mine, 1)
            os.close(mine)
