"""Source read without importing it: signatures and docstrings as they were written."""

from __future__ import annotations

import ast
import inspect
import textwrap
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TOOLKIT = Path(__file__).parents[2] / "toolkit"
Def = ast.FunctionDef | ast.AsyncFunctionDef
Assigned = ast.Assign | ast.AnnAssign


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

    def constant(self, name: str) -> tuple[Assigned, str]:
        """Where a name is given a value, and the text below that says what it is; empty for none."""
        for node, after in zip(self.tree.body, [*self.tree.body[1:], None], strict=True):
            if isinstance(node, Assigned) and name in targets(node):
                told = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
                return node, inspect.cleandoc(after.value.value) if told else ""
        raise LookupError(f"there is no {name}")

    def signature(self, node: Def) -> str:
        """From ``def`` to the colon, as it was written."""
        lines = self.text.splitlines()[node.lineno - 1 : max(node.lineno, node.body[0].lineno - 1)]
        return textwrap.dedent("\n".join(lines)).removesuffix(" ...").removesuffix(":")


def targets(node: Assigned) -> list[str]:
    """The names that are given a value, as they stand there."""
    given = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [each.id for target in given for each in ast.walk(target) if isinstance(each, ast.Name)]


@cache
def module(name: str) -> Source:
    """The source of a module of the core. Raises LookupError."""
    path = TOOLKIT / Path(*name.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not file.is_file():
        raise LookupError(f"there is no {name}")
    text = file.read_text(encoding="utf-8")
    return Source(text, ast.parse(text))


def exported(name: str) -> list[str]:
    """A module's ``__all__``."""
    node, _ = module(name).constant("__all__")
    assert node.value is not None
    return list(ast.literal_eval(node.value))


def find(dotted: str) -> tuple[Source, Def | ast.ClassDef | Assigned | ast.Module]:
    """Where ``ctk.ops.info_nce`` is defined: names that are handed on are followed by their import statement."""
    name, _, attribute = dotted.rpartition(".")
    source = module(name)
    for look in (source.named, lambda each: source.constant(each)[0]):
        with suppress(LookupError):
            return source, look(attribute)
    for each in ast.walk(source.tree):
        for alias in each.names if isinstance(each, ast.ImportFrom) else ():
            if attribute == (alias.asname or alias.name) and f"{each.module}.{alias.name}" != dotted:
                return find(f"{each.module}.{alias.name}")
    with suppress(LookupError):
        return module(dotted), module(dotted).tree
    raise LookupError(f"there is no {dotted}")


def is_abstract(node: Def) -> bool:
    """Whether a subclass has to write it."""
    return any(isinstance(each, ast.Name) and each.id == "abstractmethod" for each in node.decorator_list)


def bases(node: ast.ClassDef) -> list[str]:
    """What a class is a subclass of, as written."""
    return [ast.unparse(each) for each in node.bases]
