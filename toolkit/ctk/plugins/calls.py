"""Which plugin is being called, written where it outlives this process.

What ends a process at once (``os._exit``, a crash, the system when memory runs out) leaves no error behind. So the
command after it, or the driver of a worker, can still say who was at work.
"""

from __future__ import annotations

import atexit
import mmap
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ctk.files import cache_folder, fingerprint
from ctk.machine import is_running, is_worker

ROOM = 512
"""Bytes of a note: a file that is mapped into memory, so that writing it costs no call of the system."""
OLD = 7 * 24 * 3600
"""Seconds after which a note of a process that ended in another folder goes untold."""
NOTE = "call"
"""In the folder of a worker's task, its note."""
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
    """What processes that began in this folder were at that ended in the middle of it; each is told once."""
    found, here = [], _name_of_here()
    for path in _folder().glob("*"):
        pid, _, of = path.name.partition("-")
        try:
            if not pid.isdecimal() or is_running(int(pid)):
                continue
            if of == here and (text := _read(path)):
                found.append(text)
            if of == here or time.time() - path.stat().st_mtime > OLD:
                path.unlink()
        except OSError:  # another command was quicker, or it is not ours
            continue
    return found


@contextmanager
def noted_in(folder: Path) -> Iterator[None]:
    """In a worker, note calls in a file of its task's folder, for its driver; it goes with the block.

    Processes that are no workers have a note of their own, and a task inside another has the other's.
    """
    if not is_worker() or any(_notes):
        yield
        return
    path = folder / NOTE
    _notes[:] = [_open(path)]
    try:
        yield
    finally:
        _notes[:] = [None]
        path.unlink(missing_ok=True)


def left_call(folder: Path) -> str:
    """What a worker was at that ended in the middle of its task, by the task's folder; empty where nobody knows."""
    with suppress(OSError):
        return _read(folder / NOTE)
    return ""


def _read(path: Path) -> str:
    return path.read_bytes()[:ROOM].rstrip(b"\0").decode("utf-8", "replace")


def _folder() -> Path:
    return cache_folder() / "calls"


def _name_of_here() -> str:
    """A name for the current folder: what ended in another is no news to who works in this one."""
    with suppress(OSError):
        return fingerprint(os.getcwd())
    return "nowhere"


def _write(text: str) -> None:
    if not _notes:
        _notes.append(None if is_worker() else _open_own())  # workers note what their driver asks about
    if (note := _notes[0]) is not None:
        note[:ROOM] = text.encode()[:ROOM].ljust(ROOM, b"\0")


def _open_own() -> mmap.mmap | None:
    path = _folder() / f"{os.getpid()}-{_name_of_here()}"
    if (note := _open(path)) is not None:
        atexit.register(path.unlink, missing_ok=True)
    return note


def _open(path: Path) -> mmap.mmap | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(ROOM))
        with path.open("r+b") as file:
            return mmap.mmap(file.fileno(), ROOM)
    except (OSError, ValueError):  # a folder that cannot be written to costs a sentence
        return None


def _forget() -> None:
    """In a process that was forked the note is its parent's."""
    _calls.clear()
    _notes[:] = [None]


os.register_at_fork(after_in_child=_forget)
