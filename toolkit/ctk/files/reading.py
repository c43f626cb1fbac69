"""What was written before, read back: regular files of the right type, or a sentence with file and key."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ctk.errors import CtkError, DamagedError

if TYPE_CHECKING:
    import numpy as np
    from pydantic import TypeAdapter


LONGEST = 80
"""Characters of a wrong value that are shown."""


@contextmanager
def reading(path: Path, help: str = "Was it edited or cut short?") -> Iterator[BinaryIO]:
    """Open a file that was written before. Raises DamagedError naming it, whatever ends the block.

    Nothing but a regular file is opened: a pipe would let the reader wait, a device might never end.
    """
    try:
        with open(path, "rb", opener=_open_regular) as file:
            yield file
    except CtkError:
        raise
    except FileNotFoundError:
        raise DamagedError(f"{path}: there is no such file.", help) from None
    except Exception as error:  # damaged bytes bring anything: json, numpy, zip and torch have errors of their own
        raise DamagedError(f"{path}: cannot be read ({_reason(error)}).", help) from error


def _open_regular(path: str, flags: int) -> int:
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is no regular file")
    return descriptor


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or next(iter(str(error).splitlines()), "")
    return text[:LONGEST].rstrip(".") or type(error).__name__


def read_text(path: Path) -> str:
    """Read UTF-8 text. Raises DamagedError."""
    with reading(path) as file:
        return file.read().decode()


def read_json(path: Path, kind: Any = object) -> Any:
    """Read JSON written by ``write_json``, of a type that pydantic knows. Raises DamagedError naming file and key."""
    with reading(path) as file:
        return check_values(json.load(file), kind, path)


def read_npy(path: Path) -> np.ndarray[Any, Any]:
    """Map the array of an .npy file into memory, read-only. Raises DamagedError."""
    import numpy as np  # late: `ctk --help` needs none

    with reading(path):
        return np.lib.format.open_memmap(path, mode="r")


def check_values(value: Any, kind: Any, path: Path, help: str = "Was it edited or cut short?") -> Any:
    """Return plain values read from a file if they are of a type that pydantic knows.

    Raises DamagedError naming file and key.
    """
    from pydantic import ValidationError  # late: what reads no such file need not wait for it

    try:
        _adapter(kind).validate_python(value, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        key = "".join(f", {part}" if number == 0 else f".{part}" for number, part in enumerate(first["loc"]))
        wrong = f"{_short(first['input'])} is wrong: {first['msg'][:1].lower()}{first['msg'][1:]}"
        found = {"missing": "is missing", "model_type": "is no mapping of keys"}.get(first["type"], wrong)
        raise DamagedError(f"{path}{key}: {found}.", help) from None
    return value


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."


def refuse_ways_out(folder: Path, leave: Collection[str] = ()) -> None:
    """Raise CtkError if what is written below a folder could land elsewhere, or wait: links out of it, pipes, devices.

    To be called before a stranger's folder is written to. ``leave`` names folders that others write in, at any depth.
    """
    home = os.path.realpath(folder)
    for place, folders, names in os.walk(folder):
        entries = [*folders, *names]
        folders[:] = [name for name in folders if name not in leave]
        for path in (os.path.join(place, name) for name in entries):
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                if os.path.commonpath([home, os.path.realpath(path)]) != home:
                    raise CtkError(f"{path}: is a link that leads out of {folder}.", "Put there what it leads to.")
            elif not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise CtkError(f"{path}: is neither a file nor a folder.", "Remove it.")
