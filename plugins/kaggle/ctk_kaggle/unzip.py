"""Unpacking archives from strangers: nothing lands outside the folder, and nothing is larger than it said."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from ctk.errors import DataError
from ctk.files import atomic, check_room

NOTHING = "Nothing of it was unpacked."


def inside(name: str, what: str) -> PurePosixPath:
    """A name from outside as a path that stays below whatever folder it is put into. Raises DataError."""
    path = PurePosixPath(name.replace("\\", "/"))
    if not path.parts or path.is_absolute() or ".." in path.parts or ":" in path.parts[0] or "\0" in name:
        raise DataError(f"{what} names a file {name!r}, which would lie elsewhere.", NOTHING)
    return path


def sizes(archive: Path) -> dict[PurePosixPath, int]:
    """The files in an archive and their sizes, as it claims. Raises DataError for an archive not to be trusted."""
    with _opened(archive) as opened:
        return {path: member.file_size for path, member in _members(opened, archive.name).items()}


def unpack(archive: Path, targets: Mapping[PurePosixPath, Path]) -> None:
    """Unpack files of an archive, each to its target, passing over those that lie there in their size already.

    Sizes come from the archive's directory and are checked against the disk's room first; checksums are checked.
    Raises DataError for a damaged or malicious archive, CtkError where the disk is full.
    """
    with _opened(archive) as opened:
        members = _members(opened, archive.name)
        todo = {
            path: target
            for path, target in targets.items()
            if not (target.is_file() and target.stat().st_size == members[path].file_size)
        }
        total = sum(members[path].file_size for path in todo)
        check_room(archive.parent, total, f"Unpacking {archive.name}", "Free some space, or choose another folder.")
        for path, target in todo.items():
            try:
                _unpack(opened, members[path], target)
            except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
                raise DataError(f"{archive.name}, {path}: cannot be unpacked ({error}).", "Fetch it again.") from error


def _unpack(opened: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    with atomic(target) as temporary:
        with opened.open(member) as source, temporary.open("wb") as file:
            shutil.copyfileobj(source, file)  # zipfile stops at the size that the archive says
        if temporary.stat().st_size != member.file_size:
            raise zipfile.BadZipFile("less comes out than the archive says")


def _opened(archive: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(archive)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise DataError(f"{archive.name}: is no zip archive that can be read ({error}).", "Fetch it again.") from error


def _members(opened: zipfile.ZipFile, what: str) -> dict[PurePosixPath, zipfile.ZipInfo]:
    """The files in an archive, all of which are checked before any is written."""
    members: dict[PurePosixPath, zipfile.ZipInfo] = {}
    for each in opened.infolist():
        if each.filename.endswith("/"):  # as is_dir(), which fails where the name is empty
            continue
        path = inside(each.filename, what)
        if stat.S_IFMT(each.external_attr >> 16) not in (0, stat.S_IFREG):
            raise DataError(f"{what}, {path}: is a link or a device.", NOTHING)
        if each.flag_bits & 1:
            raise DataError(f"{what}, {path}: needs a password.", NOTHING)
        if path in members:
            raise DataError(f"{what} has {path} twice.", NOTHING)
        members[path] = each
    return members
