"""``--json``: stdout is JSON and nothing else, whatever plugins print."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from typing import Any

import click

from ctk.errors import CONTROLS
from ctk.files import finite

_redirection = ExitStack()
"""Holds what keeps stdout clean, from ``--json`` on until the JSON is printed."""


def reserve_stdout(context: click.Context, option: click.Parameter, wanted: bool) -> bool:
    """Send what is printed from now on to stderr; the callback of ``--json``."""
    if wanted and sys.stdout is not None:  # where it is closed there is nothing to keep clean
        _redirection.enter_context(_prints_to_stderr())
        context.call_on_close(_redirection.close)
    return wanted


as_json = click.option(
    "--json",
    "json_",
    is_flag=True,
    is_eager=True,
    callback=reserve_stdout,
    help="Print JSON, for programs.",
)
"""The option ``--json``: the command's parameter ``json_``, and nothing but JSON on stdout."""


def print_json(value: Any) -> None:
    """Print a value as JSON, and nothing else before it; a number that is not finite becomes null."""
    _redirection.close()
    text = json.dumps(finite(value), indent=2, ensure_ascii=False, default=str)
    # Words of strangers move no cursor: JSON has another way to say the same.
    click.echo(CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", text))


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
