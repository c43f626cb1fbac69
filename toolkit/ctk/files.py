"""Reading files, and writing them so that a reader never sees half of one."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import math
import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import yaml

from ctk.errors import CtkError, DamagedError, PluginError

if TYPE_CHECKING:
    import numpy as np
    from pydantic import TypeAdapter

__all__ = [
    "atomic",
    "cache_folder",
    "check_room",
    "check_values",
    "explain",
    "fingerprint",
    "made_over_time",
    "parse_yaml",
    "read_json",
    "read_npy",
    "read_text",
    "reading",
    "write_json",
    "write_text",
    "yaml_problem",
]


LONGEST = 80
"""Characters of a wrong value that are shown."""


@contextmanager
def atomic(path: Path, lasting: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` for a file; rename it there only if the block succeeds.

    File and folder are on the disk then, and no power cut leaves an empty file under the name; what is written anew
    every moment need not be ``lasting``. Whatever goes wrong, the temporary is removed. Raises CtkError where the disk
    is full or the place not writable.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if lasting and not temporary.is_symlink():
            _sync(temporary)
        os.replace(temporary, path)
        if lasting:
            _sync(path.parent)
    except OSError as error:
        raise explain(error, path) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Wait until a file or a folder is on the disk, where the file system can tell."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def remove_unfinished(folder: Path) -> None:
    """Remove the temporary files that killed writers left below a folder. Nobody may be writing there."""
    for left in Path(folder).rglob(".*.part"):
        left.unlink(missing_ok=True)


@contextmanager
def made_over_time(folder: Path) -> Iterator[Path | None]:
    """Yield a temporary folder that a killed process may have begun to fill; it becomes ``folder`` at the end.

    For folders named after their content that take long to make. Who comes second waits; None is yielded to whoever
    finds it made. A CtkError throws away what was begun, but for a plugin's failure, after which it can be gone on
    with. Raises CtkError as ``atomic`` does.
    """
    folder = Path(folder)
    making = folder.with_name(f".{folder.name}.making")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with (folder.parent / f".{folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.is_dir():
                yield None
                return
            making.mkdir(exist_ok=True)
            try:
                yield making
            except PluginError:
                raise
            except CtkError:  # what is wrong now would be wrong again, and its beginning may be large
                shutil.rmtree(making, ignore_errors=True)
                raise
            for place, _, names in os.walk(making):
                for path in (place, *(os.path.join(place, name) for name in names)):
                    _sync(Path(path))
            os.rename(making, folder)
            _sync(folder.parent)
    except OSError as error:
        raise explain(error, folder) from error


def check_room(
    place: Path, needed: int, what: str, help: str = "Free some space, or set CTK_CACHE to a folder on a larger disk."
) -> None:
    """Raise CtkError with both sizes if so many bytes do not fit on the disk of ``place``, which need not exist."""
    there = next(folder for folder in (place, *place.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise CtkError(f"{what} needs {needed / 1e9:,.1f} GB at {place}, and {free / 1e9:,.1f} GB are free.", help)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any, lasting: bool = True) -> None:
    """Write a value as indented JSON, as ``atomic`` does."""
    with atomic(path, lasting) as temporary:
        text = json.dumps(value, indent=2, ensure_ascii=False, default=_plain) + "\n"
        temporary.write_text(text, encoding="utf-8")


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


def parse_yaml(text: str) -> Any:
    """The plain values of a YAML document, read by libyaml where PyYAML has it. Raises yaml.YAMLError."""
    return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def yaml_problem(error: Exception) -> str:
    """Why a YAML file cannot be read, with the line where one is to blame."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return getattr(error, "strerror", None) or str(error).splitlines()[0]


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
        found = "is missing" if first["type"] == "missing" else wrong
        raise DamagedError(f"{path}{key}: {found}.", help) from None
    return value


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."


def refuse_ways_out(folder: Path) -> None:
    """Raise CtkError if what is written below a folder could land elsewhere, or wait: links out of it, pipes, devices.

    To be called before a stranger's folder is written to.
    """
    home = os.path.realpath(folder)
    for place, folders, names in os.walk(folder):
        for path in (os.path.join(place, name) for name in (*folders, *names)):
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                if os.path.commonpath([home, os.path.realpath(path)]) != home:
                    raise CtkError(f"{path}: is a link that leads out of {folder}.", "Put there what it leads to.")
            elif not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise CtkError(f"{path}: is neither a file nor a folder.", "Remove it.")


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
        return CtkError(
            f"{path}: cannot be written ({error.strerror}).",
            "Choose a folder you may write to; CTK_CACHE names the cache's.",
        )
    return error


def is_folder_name(name: str) -> bool:
    """Whether a name can be that of a folder inside another, on any system."""
    return bool(re.fullmatch(r"\w[\w.-]{0,99}", name))


def fingerprint(*parts: Any) -> str:
    """A short name for exactly these values."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
