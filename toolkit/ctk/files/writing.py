"""Files that are whole or not there, whatever ends the process that writes them."""

from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import get_native_id
from typing import Any

from ctk.files.refusals import explaining


@contextmanager
def atomic(path: Path, lasting: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` for a file; rename it there only if the block succeeds.

    File and folder are on the disk then, and no power cut leaves an empty file under the name; what is written anew
    every moment need not be ``lasting``. Whatever goes wrong, the temporary is removed. Raises CtkError where the disk
    is full or the place not writable.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{get_native_id()}.part")  # several threads may write the same file
    try:
        with explaining(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            if lasting and not temporary.is_symlink():
                sync(temporary)
            os.replace(temporary, path)
            if lasting:
                sync(path.parent)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until a file or a folder is on the disk, where the file system can tell."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically; bytes of a path that are none are escaped, as JSON and YAML read them again."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path, value: Any, lasting: bool = True) -> None:
    """Write a value as indented JSON, as ``atomic`` does."""
    with atomic(path, lasting) as temporary:
        text = json.dumps(value, indent=2, ensure_ascii=False, default=_plain) + "\n"
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def _plain(value: Any) -> Any:
    """Numbers and arrays of any library as JSON has them, all else as text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def finite(value: Any) -> Any:
    """Copy a value with null for numbers that JSON has no word for, at any depth; keys become text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(each) for each in value]
    return value
