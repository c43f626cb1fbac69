"""Libraries that a plugin needs once a run calls it and that are not here: found in its metadata and sources."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec

from packaging.requirements import InvalidRequirement, Requirement

from ctk.plugins.code import imported_names, source_of
from ctk.plugins.plugin import BUILT_IN, Plugin

RUN = ("ctk.api", "ctk.workflow.run", "ctk.training.network", "ctk.training.stage")
"""Where a run begins in the core, and what it imports late."""
SHELLS = {"IPython"}
"""Imported only where it is what calls."""


def missing_library(plugin: Plugin) -> str:
    """The first library that is missing, as half a sentence; empty if none is.

    Looked through are the modules of the plugin's own package that its components lead to, functions too. What is
    imported under ``try``, for type checkers alone, or for an extra of its distribution, may be missing.
    """
    needed, extra = _requirements(plugin.distribution)
    for name in needed:
        if not _is_installed(name):
            return f"it needs {name}, which is not installed"
    start = [each.address.partition(":")[0] for each in plugin.offers if each.kind != "commands" and each.address]
    start += RUN if plugin.distribution == BUILT_IN else [plugin.module]
    for module, name in _imports_of(start):
        if name not in SHELLS and not _is_extra(name, extra) and not _is_there(name):
            return f"{module} imports {name}, which is not installed"
    return ""


def _requirements(distribution: str) -> tuple[list[str], set[str]]:
    """What a distribution requires here, and what its extras do beyond that."""
    needed, extra = [], set()
    try:
        lines = requires(distribution) or []
    except PackageNotFoundError:  # a plugin of one file
        lines = []
    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            needed.append(requirement.name)
        elif "extra" in str(requirement.marker):
            extra.add(_plain(requirement.name))
    return needed, extra


def _imports_of(start: Iterable[str]) -> list[tuple[str, str]]:
    """(module, top-level name of what it imports) of the packages of some modules, as far as they lead."""
    found: list[tuple[str, str]] = []
    waiting, seen = list(start), set(start)
    tops = {name.partition(".")[0] for name in seen}
    while waiting:
        module = waiting.pop()
        if (path := source_of(module)) is None:
            continue
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        for name in imported_names(path.read_bytes(), package, needed=True):
            top = name.partition(".")[0]
            if top not in tops:
                found.append((module, top))
            elif name not in seen:
                seen.add(name)
                waiting.append(name)
    return found


def _is_installed(distribution: str) -> bool:
    try:
        return bool(version(distribution))
    except PackageNotFoundError:
        return False


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _is_extra(module: str, extra: set[str]) -> bool:
    """Whether a module may be an extra's: distributions are called after their modules, or begin as these do."""
    return any(name.startswith(_plain(module)) for name in extra)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
