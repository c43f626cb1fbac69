"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ctk.errors import CtkError


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it there only if the block succeeds.

    Works for a file or a folder that the block creates. Whatever goes wrong, the temporary is removed.
    Raises CtkError where the disk is full or the place cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if temporary.is_dir() and path.is_dir():
            shutil.rmtree(path)
        os.replace(temporary, path)
    except OSError as error:
        raise explain(error, path) from error
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


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
        return CtkError(
            f"{path}: no space left on the disk.", "Free some space and repeat; a run goes on with --resume."
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return CtkError(f"{path}: cannot be written ({error.strerror}).", "Choose a folder you may write to.")
    return error
