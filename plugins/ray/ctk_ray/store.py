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

BATCH = 64 * 2**20
"""Bytes of an object: small beside a store, large beside what an object costs."""
SECONDS = 0.5
"""Between two looks at how far tasks are."""


@dataclass(frozen=True)
class Piece:
    """Some bytes of a file, by its path below what was packed; empty for that path itself."""

    path: str
    start: int
    content: bytes


@dataclass(frozen=True)
class Packed:
    """A task's files: references of batches of pieces by the path they were packed from, constant ones by their key."""

    files: Files
    constant: dict[Path, tuple[str, list[Any]]]
    reads: dict[Path, list[Any]]
    board: Any


class Store:
    """The driver's side."""

    def __init__(self) -> None:
        self.constant: dict[Path, tuple[str, list[Any]]] = {}
        self.board: Any = ray.remote(Board).options(num_cpus=0, max_restarts=-1).remote()
        self.over = threading.Event()
        self.watcher = threading.Thread(target=self._watch, daemon=True)
        self.watcher.start()

    def packed(self, files: Files) -> Packed:
        """References of all that a task reads."""
        for path in files.constant:
            if path not in self.constant:
                self.constant[path] = _key(path), [ray.put(batch) for batch in batches(pieces(path))]
        reads = {path: [ray.put(batch) for batch in batches(pieces(path))] for path in files.reads if path.exists()}
        return Packed(files, {path: self.constant[path] for path in files.constant}, reads, self.board)

    def unpack(self, files: Files, carried: Sequence[Piece]) -> None:
        """Put what a task wrote where it belongs: in its order, as what comes last may make the rest count."""
        place(files.writes, [piece for piece in carried if piece.path != APPENDED])
        for piece in carried:
            if piece.path == APPENDED and files.appends is not None:
                with files.appends.open("ab") as file:
                    file.write(piece.content)

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
        for path, (key, batches) in packed.constant.items():
            here = to(path)
            here.parent.mkdir(parents=True, exist_ok=True)
            here.symlink_to(_kept(key, batches), target_is_directory=True)
        for path, batches in packed.reads.items():
            for batch in batches:
                place(to(path), ray.get(batch))
        to(files.writes).mkdir(parents=True, exist_ok=True)
        before = {path: path.stat().st_mtime_ns for path in _inside(to(files.writes))}
        with every(SECONDS, _Telling(to(files.writes), files.writes, packed.board)):
            outcome = run(to)
        written = [path for path in _inside(to(files.writes)) if path.stat().st_mtime_ns != before.get(path)]
        written.sort(key=lambda path: path.stat().st_mtime_ns)
        back = [piece for path in written for piece in pieces(path, to(files.writes))]
        if files.appends is not None and to(files.appends).exists():
            back.append(Piece(APPENDED, 0, to(files.appends).read_bytes()))
        return replace(outcome, files=back)
    finally:
        shutil.rmtree(root, ignore_errors=True)


@contextmanager
def every(seconds: float, call: Callable[[], None]) -> Iterator[None]:
    """Call something now and then while the block runs, and once behind it."""
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(seconds):
            call()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        call()


def pieces(path: Path, below: Path | None = None) -> Iterator[Piece]:
    """A file's content, or that of every file in a folder, by paths below ``below`` (the path itself)."""
    below = path if below is None else below
    for file in _inside(path) if path.is_dir() else [path]:
        name = "" if file == below else file.relative_to(below).as_posix()
        with file.open("rb") as opened:
            start = 0
            while content := opened.read(BATCH):
                yield Piece(name, start, content)
                start += len(content)
            if not start:
                yield Piece(name, 0, b"")


def batches(of: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Pieces in lists of a size that suits a store."""
    batch: list[Piece] = []
    size = 0
    for piece in of:
        batch.append(piece)
        size += len(piece.content)
        if size >= BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def place(folder: Path, of: Sequence[Piece]) -> None:
    """Write pieces; each file appears when it is whole."""
    paths = dict.fromkeys(piece.path for piece in of)
    for name in paths:
        path = folder / name if name else folder
        own = [piece for piece in of if piece.path == name]
        if own[0].start:  # goes on with what an earlier batch began
            with path.open("r+b") as file:
                _write(file, own)
            continue
        with atomic(path) as temporary, temporary.open("wb") as file:
            _write(file, own)


def _write(file: Any, of: Sequence[Piece]) -> None:
    for piece in of:
        file.seek(piece.start)
        file.write(piece.content)


def _kept(key: str, batches: Sequence[Any]) -> Path:
    """The folder of a constant content on this node, brought here by the first task that needs it."""
    folder = cache_folder() / "ray" / key
    with made_over_time(folder) as making:
        if making is not None:
            for batch in batches:
                place(making, ray.get(batch))
    return folder


def _inside(folder: Path) -> list[Path]:
    """The files in a folder, without what is being written."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".part"))


def _key(folder: Path) -> str:
    """A name for a constant folder's content, cheap to find: its files' sizes and times on this machine."""
    facts = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in _inside(folder)]
    return fingerprint(socket.gethostname(), str(folder), facts)


class _Telling:
    """Sends progress files that have changed."""

    def __init__(self, here: Path, there: Path, board: Any) -> None:
        self.here, self.there, self.board = here, there, board
        self.known: dict[Path, int] = {}

    def __call__(self) -> None:
        for path in self.here.rglob(PROGRESS):
            with suppress(OSError):
                if (changed := path.stat().st_mtime_ns) != self.known.get(path):
                    self.known[path] = changed
                    self.board.tell.remote(self.there / path.relative_to(self.here), path.read_bytes())
