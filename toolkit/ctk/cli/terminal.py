"""What can be wrong with the streams of a command: closed, full, gone, or of few characters."""

from __future__ import annotations

import codecs
import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

PLAIN = {"✓": "ok", "✗": "x", "·": "-", "–": "-", "×": "x", "…": "..."}
"""What is written instead where a stream has no such characters; others are escaped, as "\\u03b1"."""
NUMBERS = {"stdout": 1, "stderr": 2}
"""The streams that are written to, and their descriptors."""


class Stream:
    """A text stream that is lost once: stdout interrupts the command, as Ctrl-C does; stderr is done without."""

    def __init__(self, stream: Any, name: str) -> None:
        self.stream = stream
        self.name = name
        self.lost = False

    def __getattr__(self, name: str) -> Any:
        if name == "stream":  # copy and pickle ask before there is one
            raise AttributeError(name)
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        """Write as streams do."""
        return int(self._do(self.stream.write, text) or 0)

    def flush(self) -> None:
        """Flush as streams do."""
        self._do(self.stream.flush)

    def _do(self, function: Any, *given: Any) -> Any:
        try:
            return function(*given)
        except OSError as error:
            with suppress(AttributeError, OSError, ValueError):
                _silence(self.stream.fileno())  # what is buffered would fail again, at the end of the process
            self.lost = True
            if self.name == "stderr":
                return None
            if error.errno != errno.EPIPE:  # whoever reads no further, as `head`, knows
                print(f"stdout: cannot be written to ({error.strerror}).", file=sys.stderr)
            raise KeyboardInterrupt from error


def is_lost() -> bool:
    """Whether stdout was lost while the command was at work."""
    return bool(getattr(sys.stdout, "lost", False))


@contextmanager
def prepared_streams() -> Iterator[None]:
    """Have stdout and stderr take every character, and their loss told, until the block's end."""
    before = sys.stdout, sys.stderr
    for name, number in NUMBERS.items():
        if getattr(sys, name) is None:  # closed: the next file that is opened would get its number
            _silence(number)
            setattr(sys, name, open(number, "w", closefd=False))  # noqa: SIM115
        with suppress(AttributeError):  # of a notebook's stream
            getattr(sys, name).reconfigure(errors="ctk.plain")
        setattr(sys, name, Stream(getattr(sys, name), name))
    try:
        yield
    finally:
        with suppress(KeyboardInterrupt):
            sys.stdout.flush()
        sys.stdout, sys.stderr = before


def _silence(number: int) -> None:
    """Have a descriptor lead nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    if nowhere == number:
        os.set_inheritable(number, True)  # by worker processes, as dup2 makes it
    else:
        os.dup2(nowhere, number)
        os.close(nowhere)


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    return "".join(
        PLAIN.get(each) or each.encode("ascii", "backslashreplace").decode() for each in characters
    ), error.end


codecs.register_error("ctk.plain", _plain)
