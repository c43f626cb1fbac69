"""Folders that are filled over time, and kept from others meanwhile."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from ctk.errors import CtkError, PluginError
from ctk.files.refusals import disk_failure, explaining
from ctk.files.writing import sync
from ctk.machine import is_running

NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL, errno.EPERM)
"""What the system says where a file system, such as some of NFS, or a container has no locks."""


def remove_unfinished(folder: Path) -> None:
    """Remove the temporary files that killed writers left below a folder. Nobody may be writing there."""
    for left in Path(folder).rglob(".*.part"):
        left.unlink(missing_ok=True)


@contextmanager
def workshop(place: Path) -> Iterator[Path]:
    """Yield a new folder in ``place`` that is gone afterwards; those that killed processes left there go first.

    A process has one at a time.
    """
    folder = Path(place) / f".workshop-{os.getpid()}"
    for left in folder.parent.glob(".workshop-*"):
        pid = left.name.removeprefix(".workshop-")
        if pid.isdecimal() and (left == folder or not is_running(int(pid))):
            shutil.rmtree(left, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def made_over_time(folder: Path) -> Iterator[Path | None]:
    """Yield a temporary folder that a killed process may have begun to fill; it becomes ``folder`` at the end.

    For folders named after their content that take long to make. Who comes second waits; None is yielded to whoever
    finds it made. A CtkError, a full disk or a failing one throws away what was begun, but for a plugin's failure,
    after which it can be gone on with. Raises CtkError as ``atomic`` does.
    """
    folder = Path(folder)
    making = folder.with_name(f".{folder.name}.making")
    with explaining(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with (folder.parent / f".{folder.name}.lock").open("w") as file:
            lock(file)
            if folder.is_dir():
                yield None
                return
            making.mkdir(exist_ok=True)
            try:
                yield making
            except Exception as error:
                # What is wrong now would be wrong again, and its beginning may be large.
                if disk_failure(error) or (isinstance(error, CtkError) and not isinstance(error, PluginError)):
                    shutil.rmtree(making, ignore_errors=True)
                raise
            for place, _, names in os.walk(making):
                for path in (place, *(os.path.join(place, name) for name in names)):
                    sync(Path(path))
            os.rename(making, folder)
            sync(folder.parent)


def date_files(folder: Path, time: int) -> None:
    """Give a folder and all in it one time in seconds: readers tell files apart by it and their size.

    So a run on data that was made here is gone on with on another machine, where the same was made later.
    """
    for place, _, names in os.walk(folder):
        for path in (place, *(os.path.join(place, name) for name in names)):
            os.utime(path, (time, time))


def lock(file: IO[Any], wait: bool = True) -> bool:
    """Lock an open file against other processes until it is closed. Returns False, and says so, where that cannot be.

    Raises BlockingIOError where another process has it and this one does not wait.
    """
    for take in (fcntl.flock, fcntl.lockf):  # some file systems have locks of one kind alone
        try:
            take(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
        else:
            return True
    print(f"{file.name}: cannot be locked here; let no other process of ctk work there meanwhile.", file=sys.stderr)
    return False


def cache_folder() -> Path:
    """Where prepared data lives: $CTK_CACHE, else $XDG_CACHE_HOME/ctk, else ~/.cache/ctk.

    Raises CtkError where the user has no home folder, as in a container that knows no such user.
    """
    try:
        if own := os.environ.get("CTK_CACHE"):
            return Path(own).expanduser()
        return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "ctk"
    except RuntimeError:
        problem = "There is no home folder to keep prepared data in: HOME is not set, and the system does not know you."
        raise CtkError(problem, "Set CTK_CACHE to a folder you may write to.") from None


def is_folder_name(name: str) -> bool:
    """Whether a name can be that of a folder inside another, on any system."""
    return bool(re.fullmatch(r"\w[\w.-]{0,99}", name))


def fingerprint(*parts: Any) -> str:
    """A short name for exactly these values."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def path_stamps(values: Any) -> list[Any]:
    """Tell apart the contents of files and folders that are named among option values, however deep, for a fingerprint.

    Of a file its size and time count, of a folder those of the files that lie in it. Empty where no value is a path of
    something that is there.
    """
    if isinstance(values, Mapping):
        return path_stamps(list(values.values()))
    if isinstance(values, list | tuple):
        return [stamp for each in values for stamp in path_stamps(each)]
    if not (values and isinstance(values, str | Path)):
        return []
    try:
        path = Path(values).expanduser()
        files = [path] if path.is_file() else sorted(each for each in path.iterdir() if each.is_file())
        return [[each.name, (facts := each.stat()).st_size, facts.st_mtime_ns] for each in files]
    except (OSError, RuntimeError, ValueError):  # most texts are no paths, and some cannot be
        return []
