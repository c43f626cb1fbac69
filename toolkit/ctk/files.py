"""Reading files, and writing them so that a reader never sees half of one."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import math
import os
import re
import resource
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

import yaml

from ctk.errors import CtkError, DamagedError, PluginError
from ctk.machine import is_running

if TYPE_CHECKING:
    import numpy as np
    from pydantic import TypeAdapter

__all__ = [
    "atomic",
    "cache_folder",
    "check_room",
    "check_values",
    "dump_yaml",
    "explain",
    "explaining",
    "fingerprint",
    "lock",
    "made_over_time",
    "no_room",
    "parse_yaml",
    "read_json",
    "read_npy",
    "read_text",
    "reading",
    "refuse_ways_out",
    "workshop",
    "write_json",
    "write_text",
    "yaml_problem",
]


NO_ROOM = {
    errno.ENOSPC: ("no space left on the disk", "Free some space and repeat."),
    errno.EDQUOT: ("no space left of your share of the disk", "Free some space or ask for more, and repeat."),
    errno.EFBIG: ("files may not become so large here", "Raise the limit, which `ulimit -f` says, and repeat."),
}
"""What the system says where a file cannot grow: the fact, and what helps."""
SHORT_WRITE = re.compile(r"\d+ requested and \d+ written|unexpected pos \d+ vs \d+|database or disk is full")
"""What numpy, torch and SQLite say instead, without the system's reason."""
NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)
"""What the system says where a file system, such as some of NFS, has no locks."""
LONGEST = 80
"""Characters of a wrong value that are shown."""
DEEPEST, MOST = 64, 100_000
"""How many levels and values a YAML document may have, its aliases written out: a short one can mean gigabytes."""
LONG_NUMBER = re.compile(r"[-+]?(0x[0-9a-fA-F_]{100,}|0b[01_]{100,}|[0-9_.:]{100,})")
"""A plain scalar that no float has the digits of, and that takes long to read."""


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
        with explaining(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            if lasting and not temporary.is_symlink():
                _sync(temporary)
            os.replace(temporary, path)
            if lasting:
                _sync(path.parent)
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
    finds it made. A CtkError or a full disk throws away what was begun, but for a plugin's failure, after which it can
    be gone on with. Raises CtkError as ``atomic`` does.
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
                if no_room(error) or (isinstance(error, CtkError) and not isinstance(error, PluginError)):
                    shutil.rmtree(making, ignore_errors=True)
                raise
            for place, _, names in os.walk(making):
                for path in (place, *(os.path.join(place, name) for name in names)):
                    _sync(Path(path))
            os.rename(making, folder)
            _sync(folder.parent)


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


def check_room(
    place: Path, needed: int, what: str, help: str = "Free some space, or set CTK_CACHE to a folder on a larger disk."
) -> None:
    """Raise CtkError with both sizes if so many bytes do not fit on the disk of ``place``, which need not exist."""
    there = next(folder for folder in (place, *place.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise CtkError(f"{what} needs {needed / 1e9:,.1f} GB at {place}, and {free / 1e9:,.1f} GB are free.", help)


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


class _Mappings:
    """Of a YAML loader: a key that stands twice in a mapping is refused, where YAML would drop the first of them."""

    def flatten_mapping(self, node: Any) -> None:
        """Merge mappings as YAML does. What is merged into several comes here often, at first as it was written."""
        seen: set[Any] = set()
        for key, _ in () if hasattr(node, "checked") else node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue  # others are no keys of Python's, and refused as such
            if (name := self.construct_object(key)) in seen:  # type: ignore[attr-defined]
                raise yaml.constructor.ConstructorError(None, None, f"'{name}' stands there twice", key.start_mark)
            seen.add(name)
        node.checked = True
        super().flatten_mapping(node)  # type: ignore[misc]


class _Loader(_Mappings, yaml.SafeLoader):
    """Python's, which knows the lines of what is not closed."""


class _FastLoader(_Mappings, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """libyaml's, where PyYAML has it."""


class _Dumper(yaml.SafeDumper):
    """Quotes a text that the loaders would take for a number."""


for _each in (_Loader, _FastLoader, _Dumper):  # 3e-4 is a number, as in YAML 1.2
    _each.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$"),
        list("-+.0123456789"),
    )


def parse_yaml(text: str, lines: bool = False) -> Any:
    """The plain values of a YAML document.

    Raises yaml.YAMLError, for a key that stands twice in a mapping and a document too deep or too large as well.

    ``lines`` has errors know the line of what is not closed, which takes ten times as long.
    """
    loader = _Loader if lines or "\\ud" in text.lower() else _FastLoader  # libyaml knows no such bytes
    _refuse_bombs(text, loader)
    try:
        return yaml.load(text, loader)
    except (ArithmeticError, AttributeError, LookupError, ValueError) as error:  # a date that is none, say
        raise yaml.YAMLError(f"a value is not of its type: {error}") from error


def _refuse_bombs(text: str, loader: type[yaml.SafeLoader]) -> None:
    """Raise yaml.YAMLError for a document that would take the memory or the time of many."""
    sizes: dict[str | None, int] = {}
    begun: list[tuple[str | None, int]] = [(None, 0)]  # what is open: the anchor, and the values in it so far
    for event in yaml.parse(text, loader):
        size = 0
        if isinstance(event, yaml.CollectionStartEvent):
            begun.append((event.anchor, 1))
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = begun.pop()
            sizes[anchor] = size
        elif isinstance(event, yaml.AliasEvent):
            size = MOST if event.anchor in dict(begun) else sizes.get(event.anchor, 1)
        elif isinstance(event, yaml.ScalarEvent):
            size = sizes[event.anchor] = 1
            if event.implicit[0] and LONG_NUMBER.fullmatch(event.value):
                raise _too(f"a number of {len(event.value):,} digits", event)
        begun[-1] = begun[-1][0], begun[-1][1] + size
        if len(begun) > DEEPEST:
            raise _too(f"nested more than {DEEPEST} deep", event)
        if begun[-1][1] >= MOST:
            raise _too(f"more than {MOST:,} values, with what its aliases stand for", event)


def _too(problem: str, event: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)


def dump_yaml(value: Any, **how: Any) -> str:
    """Plain values as a YAML document that ``parse_yaml`` reads, keys in their order; ``how`` as for ``yaml.dump``."""
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, **how))


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


def no_room(error: BaseException) -> int | None:
    """The error number where an error of any library says that a file cannot grow: one of ENOSPC, EDQUOT, EFBIG."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno if error.errno in NO_ROOM else None
    text = ""
    with suppress(Exception):  # a plugin's error may have no words
        text = str(error)
    if SHORT_WRITE.search(text):
        limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
        return errno.ENOSPC if limit == resource.RLIM_INFINITY else errno.EFBIG
    return next((code for code in NO_ROOM if os.strerror(code) in text), None)


def explain(error: Exception, path: Path) -> Exception:
    """A CtkError for what a user can mend (a full disk, a place that cannot be written), else the error itself."""
    if isinstance(error, CtkError):
        return error
    if (code := no_room(error)) is not None:
        fact, help = NO_ROOM[code]
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


def is_folder_name(name: str) -> bool:
    """Whether a name can be that of a folder inside another, on any system."""
    return bool(re.fullmatch(r"\w[\w.-]{0,99}", name))


def fingerprint(*parts: Any) -> str:
    """A short name for exactly these values."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
