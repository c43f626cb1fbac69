"""What the system says where a file cannot be written or grow, as a sentence that helps."""

from __future__ import annotations

import errno
import os
import re
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ctk.errors import CtkError

DISK_FAILURES = {
    errno.ENOSPC: ("no space left on the disk", "Free some space and repeat."),
    errno.EDQUOT: ("no space left of your share of the disk", "Free some space or ask for more, and repeat."),
    errno.EFBIG: ("files may not become so large here", "Raise the limit, which `ulimit -f` says, and repeat."),
    errno.EIO: ("the disk can be neither read nor written", "Look after the disk, or its connection, and repeat."),
    errno.ESTALE: ("the disk's server has forgotten the file", "Look after the disk's connection, and repeat."),
}
"""What the system says where a file cannot grow, or its disk fails: the fact, and what helps."""
SHORT_WRITE = re.compile(r"\d+ requested and \d+ written|unexpected pos \d+ vs \d+|database or disk is full")
"""What numpy, torch and SQLite say instead, without the system's reason."""


def check_room(
    place: Path, needed: int, what: str, help: str = "Free some space, or set CTK_CACHE to a folder on a larger disk."
) -> None:
    """Raise CtkError with both sizes if so many bytes do not fit on the disk of ``place``, which need not exist."""
    there = next(folder for folder in (place, *place.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise CtkError(f"{what} needs {needed / 1e9:,.1f} GB at {place}, and {free / 1e9:,.1f} GB are free.", help)


def disk_failure(error: BaseException) -> int | None:
    """The error number where an error of any library says that a file cannot grow, or its disk fails; else None."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno if error.errno in DISK_FAILURES else None
    text = ""
    with suppress(BaseException):  # a plugin's error may have no words, and raise anything instead
        text = str(error)
    if SHORT_WRITE.search(text):
        limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
        return errno.ENOSPC if limit == resource.RLIM_INFINITY else errno.EFBIG
    return next((code for code in DISK_FAILURES if os.strerror(code) in text), None)


def explain(error: Exception, path: Path) -> Exception:
    """A CtkError for what a user can mend (a full disk, a place that cannot be written), else the error itself."""
    if isinstance(error, CtkError):
        return error
    if (code := disk_failure(error)) is not None:
        fact, help = DISK_FAILURES[code]
        return CtkError(f"{path}: {fact}.", help)
    if not isinstance(error, OSError):
        return error
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EEXIST):
        return CtkError(
            f"{path}: cannot be written ({error.strerror}).",
            "Choose a folder you may write to; CTK_CACHE names the cache's.",
        )
    return error


@contextmanager
def explaining(path: Path) -> Iterator[None]:
    """Raise what ``explain`` makes of the block's errors."""
    try:
        yield
    except Exception as error:
        if (explained := explain(error, path)) is error:
            raise
        raise explained from error
