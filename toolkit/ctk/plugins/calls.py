"""Which plugin is being called, written where it outlives this process.

What ends a process at once (``os._exit``, a crash, the system when memory runs out) leaves no error behind. So the
command after it can still say who was at work.
"""

from __future__ import annotations

import atexit
import mmap
import multiprocessing
import os
from pathlib import Path

from ctk.files import cache_folder
from ctk.machine import is_running

ROOM = 512
"""Bytes of a note: a file that is mapped into memory, so that writing it costs no call of the system."""
_calls: list[str] = []
_notes: list[mmap.mmap | None] = []


def begin_call(what: str) -> None:
    """Note that a plugin is called; ``what`` is a sentence but for its full stop."""
    _calls.append(what)
    _write(what)


def end_call(what: str) -> None:
    """Note that it came back."""
    _calls.remove(what)
    _write(_calls[-1] if _calls else "")


def left_calls() -> list[str]:
    """What processes were at that ended in the middle of it; each is told once."""
    found = []
    for path in _folder().glob("*"):
        try:
            if path.name.isdecimal() and not is_running(int(path.name)):
                text = path.read_bytes()[:ROOM].rstrip(b"\0").decode("utf-8", "replace")
                path.unlink()
                found += [text] if text else []
        except OSError:  # another command was quicker, or it is not ours
            continue
    return found


def _folder() -> Path:
    return cache_folder() / "calls"


def _write(text: str) -> None:
    if not _notes:
        _notes.append(None if multiprocessing.parent_process() is not None else _open())  # workers have who tells
    if (note := _notes[0]) is not None:
        note[:ROOM] = text.encode()[:ROOM].ljust(ROOM, b"\0")


def _open() -> mmap.mmap | None:
    path = _folder() / str(os.getpid())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(ROOM))
        with path.open("r+b") as file:
            note = mmap.mmap(file.fileno(), ROOM)
    except (OSError, ValueError):  # a cache that cannot be written to costs a sentence
        return None
    atexit.register(path.unlink, missing_ok=True)
    return note


def _forget() -> None:
    """In a process that was forked the note is its parent's."""
    _calls.clear()
    _notes[:] = [None]


os.register_at_fork(after_in_child=_forget)
