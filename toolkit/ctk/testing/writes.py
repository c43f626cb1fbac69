"""Which files are written outside the folders where a run may write, by the interpreter's own audit events (PEP 578).

Files that compiled libraries write by themselves are not seen.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {
    "os.mkdir": {0: 2},
    "os.remove": {0: 1},
    "os.rename": {0: 2, 1: 3},
    "os.link": {1: 3},
    "os.symlink": {1: 2},
}
"""Events that change folders: which of their arguments are paths that change, and which say from where these count."""


class _Watch:
    def __init__(self) -> None:
        self.hooked = False
        self.seen: list[str] | None = None

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.seen is None:
            return
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & WRITING:
                self._note(path)
        elif event in CHANGES:
            for number, of in CHANGES[event].items():
                path, folder = arguments[number], arguments[of]
                made = event == "os.mkdir" and isinstance(path, (str, os.PathLike)) and os.path.isdir(path)
                if folder in (-1, None) and not made:  # shutil.rmtree counts from an open folder, known already
                    self._note(path)

    def _note(self, path: Any) -> None:
        if isinstance(path, (str, bytes, os.PathLike)) and self.seen is not None:
            self.seen.append(os.path.abspath(os.fsdecode(path)))


_watch = _Watch()


@contextmanager
def record_writes() -> Iterator[list[str]]:
    """Collect the absolute paths that this process writes, makes or removes in the block.

    An audit hook cannot be taken out again; outside of a block it does nothing.
    """
    if not _watch.hooked:
        sys.addaudithook(_watch)
        _watch.hooked = True
    _watch.seen = []
    try:
        yield _watch.seen
    finally:
        _watch.seen = None


def paths_outside(paths: list[str], forbidden: Path, *allowed: Path) -> list[str]:
    """The paths that lie in ``forbidden``, or neither in allowed folders nor in temporary or cache ones."""
    user_cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    free = [*allowed, Path(tempfile.gettempdir()), user_cache, Path("/dev"), Path("/proc")]
    found = []
    for text in dict.fromkeys(paths):
        path = Path(text)
        if "__pycache__" in path.parts:
            continue
        if path.is_relative_to(forbidden) or not any(path.is_relative_to(each) for each in free):
            found.append(text)
    return found
