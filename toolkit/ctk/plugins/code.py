"""What a component's code is, so that what was made by other code can be told apart."""

from __future__ import annotations

import ast
import hashlib
import sysconfig
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
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
LIBRARIES = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")}


def fingerprint_code(component: Component, own: Any, registry: Plugins) -> str:
    """A short name for the code of a component ``own`` that ``component`` made.

    It covers the version of its distribution, and the sources of the modules with its classes and of all that these
    import, inside of functions too: of their own packages and other plugins', and of modules beside those, unless
    installed libraries lie there. Of the core, the modules with the component's classes count alone.
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
            waiting |= {each for each in imported_names(source, package) if is_followed(_top(each))} - seen
            seen |= waiting
    return fingerprint(registry.plugin_of(component).version, sources)


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

    ``needed`` leaves out what is imported under ``try`` or for type checkers alone.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):  # it was imported once, but may have been edited since
        return
    for node in _nodes(tree, needed):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*parents, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def _nodes(tree: ast.AST, needed: bool) -> Iterator[ast.AST]:
    """Every part of a source; of those that are ``needed``, what stands under no ``try`` or ``if TYPE_CHECKING``."""
    for node in ast.iter_child_nodes(tree):
        for_types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        if not (needed and (isinstance(node, ast.Try) or for_types)):
            yield node
            yield from _nodes(node, needed)
