"""With ``--json``, stdout is JSON and nothing else, whatever plugins print."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress

import click

_redirection = ExitStack()
"""Holds what keeps stdout clean, from ``--json`` on until the JSON is printed."""


def reserve_stdout(context: click.Context, option: click.Parameter, wanted: bool) -> bool:
    """Send what is printed from now on to stderr; the callback of ``--json``."""
    if wanted and sys.stdout is not None:  # where it is closed there is nothing to keep clean
        _redirection.enter_context(_prints_to_stderr())
        context.call_on_close(_redirection.close)
    return wanted


def release_stdout() -> None:
    """Let what is printed go to stdout again; nothing happens where it does already."""
    _redirection.close()


@contextmanager
def _prints_to_stderr() -> Iterator[None]:
    """Redirect prints of Python, of compiled libraries, and of the worker processes that are started meanwhile."""
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
