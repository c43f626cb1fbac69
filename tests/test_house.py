"""The rule of the house: who may import whom. Reads the sources, imports nothing of them.

A file imports only from its own floor or those below, inside functions and for types too; there is no circle of files,
nor of rooms; plugins and competitions import the faces alone; the core names none of them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ROOT / "toolkit"
FLOORS = (
    "errors machine merit compiled notebook ops",
    "files samples blend",
    "data runs contract",
    "hookspecs report",
    "plugins components",
    "config",
    "training",
    "workflow",
    "series packing",
    "api __init__",
    "bench testing new",
    "cli __main__",
)
"""From the ground up, what of ``ctk`` is on each: files and folders by their names."""
FACES = {
    "ctk",
    "ctk.api",
    "ctk.blend",
    "ctk.cli",
    "ctk.contract",
    "ctk.data",
    "ctk.errors",
    "ctk.files",
    "ctk.hookspecs",
    "ctk.machine",
    "ctk.ops",
    "ctk.report",
    "ctk.runs",
    "ctk.samples",
    "ctk.testing",
    "ctk.training",
}
"""All that a plugin may import, each with an ``__all__``."""
DISTRIBUTIONS = sorted(path.parent for path in ROOT.glob("*/*/pyproject.toml"))
SOURCES = [CORE, *DISTRIBUTIONS]

Graph = Mapping[str, set[str]]


@cache
def modules(folder: Path) -> dict[str, ast.Module]:
    """The modules of the package in a folder, by dotted name."""
    found = {}
    for package in folder.glob("ct*/__init__.py"):
        for path in package.parent.rglob("*.py"):
            parts = path.relative_to(folder).with_suffix("").parts
            if "templates" not in parts:
                name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
                found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The module and the name of everything imported, wherever in the file; the name is empty for a whole module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((each.name, "") for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from ((str(node.module), each.name) for each in node.names)


def imported(known: Iterable[str], module: str, name: str) -> str:
    """The module that an import means: a name may be one itself."""
    return f"{module}.{name}" if f"{module}.{name}" in known else module


@cache
def graph(folder: Path) -> dict[str, set[str]]:
    """Which of its own modules each module of a package imports."""
    known = modules(folder)
    return {
        each: {target for pair in imports(tree) if (target := imported(known, *pair)) in known and target != each}
        for each, tree in known.items()
    }


def circles(arrows: Graph) -> list[list[str]]:
    """Groups of things that lead to each other: strongly connected components of more than one (Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in sorted(arrows.get(node, ())):
            if target not in index:
                visit(target)
            if target in stack:
                low[node] = min(low[node], low[target])
        if low[node] == index[node]:
            group = [stack.pop()]
            while group[-1] != node:
                group.append(stack.pop())
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(arrows):
        if node not in index:
            visit(node)
    return found


def room(module: str, known: Iterable[str]) -> str:
    """The folder that a module is in; a flat file at the top is a room of its own."""
    is_package = any(each.startswith(f"{module}.") for each in known)
    parent = module if is_package else module.rpartition(".")[0]
    return parent if "." in parent else module


def nested(one: str, other: str) -> bool:
    """Whether one of two rooms is inside the other."""
    return one.startswith(f"{other}.") or other.startswith(f"{one}.")


def floor(module: str) -> int:
    """The floor of a module of the core, from 0 on the ground."""
    unit = module.split(".")[1] if "." in module else "__init__"
    return next(number for number, units in enumerate(FLOORS) if unit in units.split())


def test_every_file_of_the_core_is_on_a_floor() -> None:
    on_floors = {unit for units in FLOORS for unit in units.split()}
    there = {path.stem for path in (CORE / "ctk").glob("*.py")} | {
        path.parent.name for path in (CORE / "ctk").glob("*/*.py")
    }
    assert there == on_floors


def test_no_file_imports_from_a_later_floor() -> None:
    up = [
        f"{module} (floor {floor(module)}) imports {target} (floor {floor(target)})"
        for module, targets in graph(CORE).items()
        for target in targets
        if floor(target) > floor(module)
    ]
    assert not up, "\n".join(sorted(up))


@pytest.mark.parametrize("folder", SOURCES, ids=lambda folder: folder.name)
def test_no_files_import_each_other_in_a_circle(folder: Path) -> None:
    found = circles(graph(folder))
    assert not found, "\n".join(" ~ ".join(group) for group in found)


@pytest.mark.parametrize("folder", SOURCES, ids=lambda folder: folder.name)
def test_no_rooms_import_each_other_in_a_circle(folder: Path) -> None:
    arrows: dict[str, set[str]] = {}
    known = modules(folder)
    for module, targets in graph(folder).items():
        own = room(module, known)
        others = {room(target, known) for target in targets} - {own}
        # A room inside another is a part of it: the two are judged file by file.
        arrows.setdefault(own, set()).update(each for each in others if not nested(own, each))
    found = circles(arrows)
    assert not found, "\n".join(" ~ ".join(group) for group in found)


@pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=lambda folder: folder.name)
def test_plugins_and_competitions_import_the_faces_alone(folder: Path) -> None:
    listed = {face: exported(face) for face in FACES}
    beyond = [
        f"{module}: from {source} import {name}"
        for module, tree in modules(folder).items()
        for source, name in imports(tree)
        if source.split(".")[0] == "ctk"
        and not (source in FACES and (name in listed[source] or f"{source}.{name}" in FACES or not name))
    ]
    assert not beyond, "\n".join(sorted(set(beyond)))


def exported(face: str) -> set[str]:
    """A face's ``__all__``."""
    for node in modules(CORE)[face].body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return set(ast.literal_eval(node.value))
    raise AssertionError(f"{face} has no __all__")


def test_the_core_names_no_plugin_and_no_competition() -> None:
    packages = {path.parent.name: path.parents[2].name for path in ROOT.glob("*/*/ctk_*/__init__.py")}
    assert len(packages) == len(DISTRIBUTIONS)
    names = {
        text
        for package, kind in packages.items()
        for name in (package, package.removeprefix("ctk_") if kind == "competitions" else package)
        for text in (name, name.replace("_", "-"))
    }
    named = [
        f"{path.relative_to(ROOT)} names {name}"
        for path in (CORE / "ctk").rglob("*")
        if path.suffix in (".py", ".j2", ".css", ".md")
        for name in names
        if name in path.read_text(encoding="utf-8")
    ]
    assert not named, "\n".join(sorted(named))
