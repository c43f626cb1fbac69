"""Files by their paths, be they packed: ``train.csv``, ``train.csv.gz``, ``all.zip/train.csv``."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, cast

from ctk.data import MEND
from ctk.errors import CtkError, DataError

PACKED: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
"""How files are opened that are packed alone, by suffix."""
PACKS = 5
"""Text is so many times as large as packed, about."""
FAILURES = (OSError, EOFError, zipfile.BadZipFile, lzma.LZMAError, NotImplementedError, RuntimeError)
"""What the standard library raises for a packed file that is damaged, locked, or packed in another way."""


@dataclass(frozen=True)
class StoredFile:
    """A file, on disk or in an archive.

    path  relative to the folder; of an archive's member ARCHIVE.zip/MEMBER
    size  in bytes, unpacked where that is known without unpacking
    """

    path: str
    size: int

    @property
    def name(self) -> str:
        """Name without folders and archives."""
        return PurePosixPath(self.path).name


def list_files(folder: Path, below: int = 2) -> list[StoredFile]:
    """List files of a folder and of folders so many levels below, and members of zip archives, by path.

    Hidden ones are left out. Raises DataError for an archive that is damaged.
    """
    found: list[StoredFile] = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "__MACOSX")):
            continue
        if path.is_dir():
            if below:
                inner = list_files(path, below - 1)
                found += [StoredFile(f"{path.name}/{each.path}", each.size) for each in inner]
        elif path.suffix.lower() == ".zip":
            with _explained(path), zipfile.ZipFile(path) as archive:
                found += [StoredFile(f"{path.name}/{each}", size) for each, size in _members(archive)]
        elif path.is_file():
            found.append(StoredFile(path.name, path.stat().st_size))
    return found


def _members(archive: zipfile.ZipFile) -> Iterator[tuple[str, int]]:
    for info in archive.infolist():
        parts = PurePosixPath(info.filename).parts
        if info.is_dir() or any(part.startswith((".", "__MACOSX")) for part in parts):
            continue
        if info.filename.lower().endswith(".zip"):
            with archive.open(info) as inner, zipfile.ZipFile(inner) as packed:
                for name, size in _members(packed):
                    yield f"{info.filename}/{name}", size
        else:
            yield info.filename, info.file_size


def on_disk(folder: Path, path: str) -> Path:
    """Name the file on disk that a path is of: itself, or the archive that it is a member of."""
    place = folder
    for part in PurePosixPath(path).parts:
        place /= part
        if part.lower().endswith(".zip") and place.is_file():
            break
    return place


@contextmanager
def open_stored(folder: Path, path: str) -> Iterator[BinaryIO]:
    """Open a file or a member of an archive for reading, unpacked.

    Raises DataError where it is not there or cannot be unpacked, also from within the block.
    """
    place = on_disk(folder, path)
    if not place.is_file():
        raise DataError(f"{place}: there is no such file.", "Was it moved since the competition was made?")
    member = str(PurePosixPath(path).relative_to(place.relative_to(folder).as_posix()))
    with _explained(folder / path), ExitStack() as stack:
        file: IO[bytes] = stack.enter_context(place.open("rb"))
        while member != ".":
            archive = stack.enter_context(zipfile.ZipFile(file))
            name = next((name for name in archive.namelist() if f"{member}/".startswith(f"{name}/")), None)
            if name is None:
                raise DataError(f"{place}: has no member {member}.", "Was the archive made anew?")
            file = stack.enter_context(archive.open(name))
            member = member[len(name) + 1 :] or "."
        opener = PACKED.get(PurePosixPath(path).suffix.lower())
        if opener is not None:
            file = stack.enter_context(opener(file, "rb"))
        yield cast("BinaryIO", io.BufferedReader(file) if isinstance(file, io.RawIOBase) else file)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except CtkError:
        raise
    except FAILURES as error:
        raise DataError(f"{path}: cannot be unpacked ({' '.join(str(error).split()).rstrip('.')}).", MEND) from error


def unpacked_size(folder: Path, path: str) -> int:
    """Bytes of a file when unpacked: known of members of archives, five times as many as packed of others."""
    place = on_disk(folder, path)
    size = place.stat().st_size
    if place != folder / path:
        size = next((each.size for each in list_files(place.parent, 0) if each.name == Path(path).name), size)
    return size if Path(path).suffix.lower() not in (*PACKED, ".parquet", ".pq") else PACKS * size
