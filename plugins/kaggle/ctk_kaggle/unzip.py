"""Unpacking archives from strangers: nothing lands outside the folder, and nothing is larger than it said."""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from ctk.errors import DataError
from ctk.files import check_room, explain

CHUNK = 1 << 20


def inside(name: str, what: str) -> PurePosixPath:
    """A name from outside as a path that stays below whatever folder it is put into. Raises DataError."""
    path = PurePosixPath(name.replace("\\", "/"))
    if not path.parts or path.is_absolute() or ".." in path.parts or ":" in path.parts[0] or "\0" in name:
        raise DataError(f"{what} names a file {name!r}, which would lie elsewhere.", "Nothing of it was unpacked.")
    return path


def put(source: Path, target: Path) -> None:
    """Move a whole file to its place; a reader sees all of it or nothing, also from one disk to another."""
    beside = beside_of(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(source, beside)
        os.replace(beside, target)
    except OSError as error:
        raise explain(error, target) from error


def beside_of(target: Path) -> Path:
    """Where a file is written before it gets its name: always the same, so that a killed call leaves no litter."""
    return target.with_name(f".{target.name}.part")


def sizes(archive: Path) -> dict[PurePosixPath, int]:
    """The files in an archive and their sizes, as it claims. Raises DataError for an archive not to be trusted."""
    with _opened(archive) as opened:
        return {inside(each.filename, archive.name): each.file_size for each in _members(opened, archive.name)}


def unpack(
    archive: Path,
    targets: Mapping[PurePosixPath, Path],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Unpack files of an archive, each to its target, passing over those that lie there in their size already.

    Sizes come from the archive's directory and are checked against the disk's room first; checksums are checked.
    Raises DataError for a damaged or malicious archive, CtkError where the disk is full.
    """
    with _opened(archive) as opened:
        members = {inside(each.filename, archive.name): each for each in _members(opened, archive.name)}
        todo = {
            path: target
            for path, target in targets.items()
            if not (target.is_file() and target.stat().st_size == members[path].file_size)
        }
        total, done = sum(members[path].file_size for path in todo), 0
        if todo:
            place = next(iter(todo.values())).parent
            check_room(place, total, f"Unpacking {archive.name}", "Free some space, or choose another folder.")
        for path, target in todo.items():
            try:
                _unpack(opened, members[path], target)
            except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
                raise DataError(f"{archive.name}, {path}: cannot be unpacked ({error}).", "Fetch it again.") from error
            except OSError as error:
                raise explain(error, target) from error
            done += members[path].file_size
            progress(done, total)


def _unpack(opened: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    beside, written = beside_of(target), 0
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with opened.open(member) as source, beside.open("wb") as file:
            while chunk := source.read(CHUNK):
                written += len(chunk)
                if written > member.file_size:
                    raise zipfile.BadZipFile("more comes out than the archive says")
                file.write(chunk)
        if written != member.file_size:
            raise zipfile.BadZipFile("less comes out than the archive says")
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)


def _opened(archive: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(archive)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise DataError(f"{archive.name}: is no zip archive that can be read ({error}).", "Fetch it again.") from error


def _members(opened: zipfile.ZipFile, what: str) -> list[zipfile.ZipInfo]:
    """The files in an archive, all of which are checked before any is written."""
    members = [each for each in opened.infolist() if not each.is_dir()]
    seen: set[PurePosixPath] = set()
    for each in members:
        path = inside(each.filename, what)
        kind = stat.S_IFMT(each.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise DataError(f"{what}, {path}: is a link or a device.", "Nothing of it was unpacked.")
        if each.flag_bits & 1:
            raise DataError(f"{what}, {path}: needs a password.", "Nothing of it was unpacked.")
        if path in seen:
            raise DataError(f"{what} has {path} twice.", "Nothing of it was unpacked.")
        seen.add(path)
    return members
