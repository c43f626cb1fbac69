"""Files by way of Ray's object store, for nodes that do not see the driver's folders.

What tasks read goes there once for each content; a node keeps what never changes in its cache. What a task wrote comes
back with its outcome, and its progress by way of an actor, while it runs.
"""

from __future__ import annotations

import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray

from ctk.contract import PROGRESS, Files
from ctk.files import atomic, cache_folder, fingerprint, made_over_time
from ctk_ray.messages import Outcome

CHUNK = 64 * 2**20
"""The most bytes of an object: small beside a store."""
SECONDS = 0.5
"""Between two looks at how far tasks are."""


Refs = list[tuple[str, list[Any]]]
"""Files by their names below a folder, each with the references of its chunks."""


@dataclass(frozen=True)
class Packed:
    """A task's files: their references by the path they were packed from, constant ones with a key."""

    files: Files
    constant: dict[Path, tuple[str, Refs]]
    reads: dict[Path, Refs]
    board: Any


class Store:
    """The driver's side."""

    def __init__(self) -> None:
        self.constant: dict[Path, tuple[str, Refs]] = {}
        self.board: Any = ray.remote(Board).options(num_cpus=0, max_restarts=-1).remote()
        self.over = threading.Event()
        self.watcher = threading.Thread(target=self._watch, daemon=True)
        self.watcher.start()

    def packed(self, files: Files) -> Packed:
        """References of all that a task reads."""
        for path in files.constant:
            if path not in self.constant:
                self.constant[path] = _key(path), _put(path)
        reads = {path: _put(path) for path in files.reads if path.exists()}
        return Packed(files, {path: self.constant[path] for path in files.constant}, reads, self.board)

    def unpack(self, files: Files, carried: Sequence[tuple[str, bytes]]) -> None:
        """Put what a task wrote where it belongs: in its order, as what comes last may make the rest count."""
        place(files.writes, ((name, [content]) for name, content in carried if name != APPENDED))
        for name, content in carried:
            if name == APPENDED and files.appends is not None:
                with files.appends.open("ab") as file:
                    file.write(content)

    def close(self) -> None:
        """Stop looking."""
        self.over.set()
        self.watcher.join()

    def _watch(self) -> None:
        while not self.over.wait(SECONDS):
            with suppress(Exception):  # the board's node may be gone; it is made again elsewhere
                told: dict[Path, bytes] = ray.get(self.board.taken.remote(), timeout=10)
                for path, content in told.items():
                    with atomic(path) as temporary:
                        temporary.write_bytes(content)


class Board:
    """An actor that workers tell how far they are."""

    def __init__(self) -> None:
        self.told: dict[Path, bytes] = {}

    def tell(self, path: Path, content: bytes) -> None:
        """A file's content, by its path on the driver's machine."""
        self.told[path] = content

    def taken(self) -> dict[Path, bytes]:
        """What was told since the last time."""
        told, self.told = self.told, {}
        return told


APPENDED = "//appended"
"""The path of lines that a task added to a file; no file's."""


def carried(packed: Packed, run: Callable[[Callable[[Path], Path]], Outcome]) -> Outcome:
    """The worker's side: a task's files brought into a folder of its own, and what it wrote there taken along."""
    root = Path(tempfile.mkdtemp(prefix="ctk-task-"))

    def to(path: Path) -> Path:
        return root / path.relative_to(path.anchor)

    files = packed.files
    try:
        for path, (key, refs) in packed.constant.items():
            here = to(path)
            here.parent.mkdir(parents=True, exist_ok=True)
            here.symlink_to(_kept(key, refs), target_is_directory=True)
        for path, refs in packed.reads.items():
            place(to(path), _got(refs))
        to(files.writes).mkdir(parents=True, exist_ok=True)
        before = {path: path.stat().st_mtime_ns for path in _inside(to(files.writes))}
        with telling(to(files.writes), files.writes, packed.board):
            outcome = run(to)
        written = [path for path in _inside(to(files.writes)) if path.stat().st_mtime_ns != before.get(path)]
        written.sort(key=lambda path: path.stat().st_mtime_ns)
        back = [(path.relative_to(to(files.writes)).as_posix(), path.read_bytes()) for path in written]
        if files.appends is not None and to(files.appends).exists():
            back.append((APPENDED, to(files.appends).read_bytes()))
        return replace(outcome, files=back)
    finally:
        shutil.rmtree(root, ignore_errors=True)


@contextmanager
def telling(here: Path, there: Path, board: Any) -> Iterator[None]:
    """Tell the board of progress files that have changed, now and then while the block runs and once behind it."""
    known: dict[Path, int] = {}
    over = threading.Event()

    def tell() -> None:
        for path in here.rglob(PROGRESS):
            with suppress(OSError):
                if (changed := path.stat().st_mtime_ns) != known.get(path):
                    known[path] = changed
                    board.tell.remote(there / path.relative_to(here), path.read_bytes())

    def repeat() -> None:
        while not over.wait(SECONDS):
            tell()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        tell()


def contents(path: Path) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The files in a folder, by their names below it, or a file alone, called "."; each in chunks."""
    for file in _inside(path) if path.is_dir() else [path]:
        yield file.relative_to(path).as_posix(), _chunks(file)


def place(folder: Path, files: Iterable[tuple[str, Iterable[bytes]]]) -> None:
    """Write files; each appears when it is whole."""
    for name, chunks in files:
        with atomic(folder / name) as temporary, temporary.open("wb") as file:
            file.writelines(chunks)


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while chunk := opened.read(CHUNK):
            yield chunk


def _put(path: Path) -> Refs:
    return [(name, [ray.put(chunk) for chunk in chunks]) for name, chunks in contents(path)]


def _got(refs: Refs) -> Iterator[tuple[str, Iterator[Any]]]:
    return ((name, (ray.get(ref) for ref in of)) for name, of in refs)


def _kept(key: str, refs: Refs) -> Path:
    """The folder of a constant content on this node, brought here by the first task that needs it."""
    folder = cache_folder() / "ray" / key
    with made_over_time(folder) as making:
        if making is not None:
            place(making, _got(refs))
    return folder


def _inside(folder: Path) -> list[Path]:
    """The files in a folder, without what is being written."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".part"))


def _key(folder: Path) -> str:
    """A name for a constant folder's content, cheap to find: its files' sizes and times on this machine."""
    facts = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in _inside(folder)]
    return fingerprint(socket.gethostname(), str(folder), facts)
