"""Source read without importing it: signatures and docstrings as they were written."""

from __future__ import annotations

import ast
import textwrap
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TOOLKIT = Path(__file__).parents[2] / "toolkit"
Def = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """A module's text and tree."""

    text: str
    tree: ast.Module

    def named(self, path: str) -> Def | ast.ClassDef:
        """The function or class of that name; a method as ``Class.method``."""
        body: list[ast.stmt] = self.tree.body
        found: Def | ast.ClassDef | None = None
        for name in path.split("."):
            found = next((each for each in body if isinstance(each, (Def, ast.ClassDef)) and each.name == name), None)
            if found is None:
                raise LookupError(f"there is no {path}")
            body = found.body
        assert found is not None
        return found

    def signature(self, node: Def) -> str:
        """From ``def`` to the colon, as it was written."""
        lines = self.text.splitlines()[node.lineno - 1 : max(node.lineno, node.body[0].lineno - 1)]
        return textwrap.dedent("\n".join(lines)).removesuffix(" ...").removesuffix(":")


@cache
def module(name: str) -> Source:
    """The source of a module of the core."""
    path = TOOLKIT / Path(*name.split("."))
    text = (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text(encoding="utf-8")
    return Source(text, ast.parse(text))


def find(dotted: str) -> tuple[Source, Def | ast.ClassDef]:
    """Where ``ctk.ops.info_nce`` is defined: re-exports are followed by their import statement."""
    name, _, attribute = dotted.rpartition(".")
    source = module(name)
    try:
        return source, source.named(attribute)
    except LookupError:
        for each in ast.walk(source.tree):
            if isinstance(each, ast.ImportFrom) and each.module and attribute in {alias.name for alias in each.names}:
                return find(f"{each.module}.{attribute}")
        raise LookupError(f"there is no {dotted}") from None


def is_abstract(node: Def) -> bool:
    """Whether a subclass has to write it."""
    return any(isinstance(each, ast.Name) and each.id == "abstractmethod" for each in node.decorator_list)


def is_property(node: Def) -> bool:
    return any(isinstance(each, ast.Name) and each.id == "property" for each in node.decorator_list)


def bases(node: ast.ClassDef) -> list[str]:
    """What a class is a subclass of, as written."""
    return [ast.unparse(each) for each in node.bases]
