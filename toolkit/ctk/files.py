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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from ctk.errors import CtkError, PluginError

__all__ = [
    "atomic",
    "cache_folder",
    "check_room",
    "dump_yaml",
    "explain",
    "fingerprint",
    "made_over_time",
    "parse_yaml",
    "read_json",
    "write_json",
    "write_text",
    "yaml_problem",
]


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
            os.rename(making, folder)
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


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON, atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


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
        """As YAML does. What is merged into several mappings comes here often, at first as it was written."""
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
    """The plain values of a YAML document. Raises yaml.YAMLError, for a key that stands twice in a mapping too.

    ``lines`` has errors know the line of what is not closed, which takes ten times as long.
    """
    return yaml.load(text, _Loader if lines else _FastLoader)


def dump_yaml(value: Any, **how: Any) -> str:
    """Plain values as a YAML document that ``parse_yaml`` reads, keys in their order; ``how`` as for ``yaml.dump``."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, **how)


def yaml_problem(error: Exception) -> str:
    """Why a YAML file cannot be read, with the line where one is to blame."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return getattr(error, "strerror", None) or str(error).splitlines()[0]


def read_json(path: Path) -> Any:
    """Read JSON written by ``write_json``."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def cache_folder() -> Path:
    """Where prepared data lives: $CTK_CACHE, else $XDG_CACHE_HOME/ctk, else ~/.cache/ctk."""
    if own := os.environ.get("CTK_CACHE"):
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").expanduser() / "ctk"


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
