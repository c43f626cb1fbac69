"""What a component's code is, so that what was made by other code can be told apart."""

from __future__ import annotations

import ast
import hashlib
import re
import sysconfig
from collections.abc import Iterator
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from ctk.contract import DataReader
from ctk.errors import PluginError
from ctk.files import fingerprint
from ctk.plugins.plugin import Component
from ctk.plugins.registry import Plugins
from ctk.plugins.source import find_source
from ctk.plugins.tracing import CORE

OF_ALL = {"builtins", "abc", DataReader.__module__, ""}
FILE_NAME = re.compile(r"(?!.*\.py$)[\w-][\w /.-]{0,98}\.\w{1,10}")
"""Texts in a source that may be the name of a file."""
LARGE = 1 << 26
"""Bytes of a file from which on its size and time stand for its content: 64 MB."""
LIBRARIES = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")}


def fingerprint_code(component: Component, own: Any, registry: Plugins) -> str:
    """A short name for the code of a component ``own`` that ``component`` made.

    It covers the version of its distribution, and the sources of the modules with its classes and of all that these
    import, inside of functions too: of their own packages and other plugins', and of modules beside those, unless
    installed libraries lie there. Where a name is made at run time, all modules count that it may be one of. Files
    count that lie beside such a module, or in a folder there, and whose name stands in it. Of the core, the modules
    with the component's classes count alone.
    """
    registered = getattr(component.load(), "__module__", "")
    start = {registered, *(each.__module__ for each in type(own).__mro__)} - OF_ALL
    packages = {_top(name) for name in [*start, *(each.module for each in registry.plugins)]}
    homes = {home for name in start if (path := source_of(name)) and not _has_libraries(home := _home(name, path))}

    @cache
    def is_followed(top: str) -> bool:
        return top != CORE and (top in packages or ((path := source_of(top)) and _home(top, path)) in homes)

    sources: dict[str, str] = {}
    waiting, seen = set(start), set(start)
    while waiting:
        name = waiting.pop()
        if (path := source_of(name)) is None:
            continue
        source = path.read_bytes()
        sources[name] = hashlib.sha256(source).hexdigest()
        if _top(name) != CORE:
            package = name if path.name == "__init__.py" else name.rpartition(".")[0]
            files = named_files(source, path.parent)
            sources |= {f"{package}/{file.relative_to(path.parent)}": _content(file) for file in files}
            waiting |= {each for each in imported_names(source, package) if is_followed(_top(each))} - seen
            seen |= waiting
    return fingerprint(registry.plugin_of(component).version, sources)


def named_files(source: bytes, folder: Path) -> list[Path]:
    """Files but modules in a module's folder, or in a folder there, whose names with a suffix stand in its source."""
    texts = {
        node.value
        for node in ast.walk(_parsed(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and FILE_NAME.fullmatch(node.value)
    }
    if not texts:
        return []
    places = [folder, *(each for each in folder.iterdir() if each.is_dir())]
    return sorted(file for text in texts for place in places if (file := place / text).is_file())


def _content(file: Path) -> str:
    facts = file.stat()
    if facts.st_size > LARGE:
        return f"{facts.st_size} {facts.st_mtime_ns}"
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _home(module: str, path: Path) -> Path:
    """The folder that a module's top-level package lies in."""
    return path.parents[module.count(".") + (path.name == "__init__.py")]


def _has_libraries(folder: Path) -> bool:
    return folder in LIBRARIES or folder.name in ("site-packages", "dist-packages")


def _top(module: str) -> str:
    return module.partition(".")[0]


def source_of(module: str) -> Path | None:
    """The source of a module, None where it has none or is not there."""
    with suppress(PluginError):
        return find_source(module)
    return None


def imported_names(source: bytes, package: str, needed: bool = False) -> Iterator[str]:
    """Names that a module imports; of ``from a import b`` both ``a`` and ``a.b``, for either may be the module.

    ``needed`` leaves out what is imported under ``try``, for type checkers alone, or by a name made at run time.
    """
    for node in _nodes(_parsed(source), needed):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*parents, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and _called(node) in ("import_module", "__import__"):
            name, whole = _beginning(node.args[0])
            name = f"{package}.{name.lstrip('.')}" if name.startswith(".") else name
            if name and whole:
                yield name
            elif not needed:
                yield from _modules_in(name.rpartition(".")[0] or package)


@lru_cache(1)
def _parsed(source: bytes) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):  # it was imported once, but may have been edited since
        return ast.Module([], [])


def _called(call: ast.Call) -> str:
    """The last word of what is called."""
    return getattr(call.func, "attr", "") or getattr(call.func, "id", "")


def _beginning(text: ast.expr) -> tuple[str, bool]:
    """How a text begins, as far as the source says it, and whether that is all of it."""
    if isinstance(text, ast.Constant):
        return str(text.value), True
    if isinstance(text, ast.JoinedStr) and text.values:
        return _beginning(text.values[0])[0], False
    if isinstance(text, ast.BinOp):
        return _beginning(text.left)[0], False
    return "", False


def _modules_in(package: str) -> Iterator[str]:
    """Names of a package's modules, those of packages in it not."""
    if package and (path := source_of(package)) is not None and path.name == "__init__.py":
        yield from (f"{package}.{each.stem}" for each in sorted(path.parent.glob("*.py")))


def _nodes(tree: ast.AST, needed: bool) -> Iterator[ast.AST]:
    """Every part of a source; of those that are ``needed``, what stands under no ``try`` or ``if TYPE_CHECKING``."""
    for node in ast.iter_child_nodes(tree):
        for_types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        if not (needed and (isinstance(node, ast.Try) or for_types)):
            yield node
            yield from _nodes(node, needed)
