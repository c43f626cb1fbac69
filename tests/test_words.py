"""Names that people can grep: one thing a name in the core, and a room that says what it is. Reads the sources."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
CORE = ROOT / "toolkit" / "ctk"
FILES = [path for path in sorted(CORE.rglob("*.py")) if "templates" not in path.parts]


def doubled(named: dict[str, list[str]]) -> list[str]:
    return [f"{name}: {', '.join(where)}" for name, where in sorted(named.items()) if len(where) > 1]


def test_no_two_public_classes_of_the_core_share_a_name() -> None:
    named = defaultdict(list)
    for path in FILES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                named[node.name].append(path.relative_to(CORE).as_posix())
    assert not doubled(named)


def test_no_module_name_is_twice_in_the_core() -> None:
    """Verbs of the command line are called as the command is, and a reference as its op."""
    named = defaultdict(list)
    for path in FILES:
        where = path.relative_to(CORE).as_posix()
        if not path.name.startswith("__") and not where.startswith(("cli/", "ops/reference/")):
            named[path.stem].append(where)
    assert not doubled(named)


def test_every_room_says_what_it_is() -> None:
    silent = [
        folder.relative_to(CORE).as_posix()
        for folder in sorted({path.parent for path in FILES} - {CORE})
        if not (folder / "README.md").is_file()
    ]
    assert not silent


def test_public_docstrings_begin_with_a_sentence_that_can_be_read_alone() -> None:
    leaning = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                first = (ast.get_docstring(node) or "").partition(" ")[0]
                second = (ast.get_docstring(node) or "").split(" ")[:2]
                if first in {"As", "So", "Of"} or second in (["The", "same"], ["The", "same,"]):
                    leaning.append(f"{path.relative_to(CORE)}: {node.name}: {ast.get_docstring(node)}")
    assert not leaning
