"""Where tracebacks are kept: a user reads one sentence, and whoever mends the plugin reads the rest."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path

from ctk.errors import CtkError
from ctk.files import cache_folder

_place: ContextVar[Path | None] = ContextVar("place", default=None)


@contextmanager
def tracebacks_in(path: Path) -> Iterator[None]:
    """Append the tracebacks of a block to a file; outside of a block they go to ``failures.txt`` in the cache."""
    token = _place.set(path)
    try:
        yield
    finally:
        _place.reset(token)


def keep_traceback(error: BaseException) -> str:
    """Keep the traceback of an error. Returns the sentence that says where it is, empty if that could not be."""
    story = "".join(traceback.format_exception(error))
    with suppress(OSError, CtkError):
        path = _place.get() or cache_folder() / "failures.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{datetime.now():%Y-%m-%d %H:%M:%S} {story}\n")
        return f"The traceback is in {path}."
    return ""
