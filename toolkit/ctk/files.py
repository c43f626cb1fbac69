"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ctk.errors import CtkError


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` for a file; rename it there only if the block succeeds.

    Whatever goes wrong, the temporary is removed. Raises CtkError where the disk is full or the place not writable.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise explain(error, path) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def made_once(folder: Path) -> Iterator[Path]:
    """Yield an empty temporary folder; if the block succeeds it becomes ``folder``, unless another process was first.

    For folders named after their content: whoever comes second throws the same thing away. Temporaries of killed
    processes are removed. Raises CtkError as ``atomic`` does.
    """
    folder = Path(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder.parent)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{os.getpid()}-", suffix=".part") as name:
            made = Path(name) / "made"
            made.mkdir()
            yield made
            try:
                os.rename(made, folder)
            except OSError:
                if not folder.is_dir():
                    raise
    except OSError as error:
        raise explain(error, folder) from error


def _sweep(parent: Path) -> None:
    for left in parent.glob(".*-*.part"):
        pid = left.name[1:].partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
            shutil.rmtree(left, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON, atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON written by ``write_json``."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def cache_folder() -> Path:
    """Where prepared data lives: $CTK_CACHE, else $XDG_CACHE_HOME/ctk, else ~/.cache/ctk."""
    if own := os.environ.get("CTK_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ctk"


def explain(error: OSError, path: Path) -> Exception:
    """A CtkError for what a user can mend (a full disk, a place that cannot be written), else the error itself."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return CtkError(f"{path}: no space left on the disk.", "Free some space and repeat.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EEXIST):
        return CtkError(f"{path}: cannot be written ({error.strerror}).", "Choose a folder you may write to.")
    return error
