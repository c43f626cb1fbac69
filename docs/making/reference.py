"""The reference of what plugins import: a page for each face, with every name of its ``__all__``; and every hook."""

from __future__ import annotations

import ast

from making import code
from making.docstrings import markdown

HOOKS = "ctk.hookspecs"
FACES = {
    "ctk": "ctk",
    "ctk.contract": "contract",
    "ctk.samples": "samples",
    "ctk.data": "data",
    "ctk.errors": "errors",
    "ctk.files": "files",
    "ctk.training": "training",
    "ctk.ops": "ops",
    "ctk.blend": "blend",
    "ctk.report": "report",
    "ctk.runs": "runs",
    "ctk.api": "api",
    "ctk.machine": "machine",
    "ctk.cli": "commands",
    "ctk.testing": "testing",
}
"""The faces but the hooks', in the order of the site, and what the page of each is called."""
ABOUT = {
    "ctk.contract": "Keyword-only parameters of a subclass's `__init__` are its config keys. The [hooks](hooks.md) say "
    "where each is offered.",
    "ctk.ops": "What each costs, beside its peers, is in [Ops](../ops/index.md).",
    "ctk.blend": "What each costs, beside its peers, is in [Ops](../ops/index.md).",
    "ctk.testing": "[A component](../write/component.md) shows it at work.",
}
"""What a page says beyond the face's own docstring."""


def hooks() -> str:
    """The page of hooks: the module's own text, then each hook under the banner it stands under."""
    source = code.module(HOOKS)
    parts = [
        "# Hooks",
        markdown(ast.get_docstring(source.tree)),
        "What is registered under each hook is described in [the contract](contract.md).",
        "## Register",
        *_signed(source, "Register.__call__"),
        markdown(ast.get_docstring(source.named("Register"))),
    ]
    banners = {
        number: line.strip("# -").strip()
        for number, line in enumerate(source.text.splitlines(), start=1)
        if line.startswith("# ") and line.endswith("---")
    }
    for node in source.tree.body:
        if not isinstance(node, ast.FunctionDef) or not _decorated(node, "hookspec"):
            continue
        for number in [number for number in banners if number < node.lineno]:
            parts.append(f"## {banners.pop(number)}")
        parts.append(f"### {node.name}")
        parts += _signed(source, node.name)
        parts.append(markdown(ast.get_docstring(node)))
    return _page(parts)


def hook_names() -> list[str]:
    """Every hook, as plugins implement it."""
    tree = code.module(HOOKS).tree
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and _decorated(node, "hookspec")]


def face(name: str) -> str:
    """The page of a face: its own text, then constants, classes and functions. Raises LookupError for one untold."""
    parts = [f"# {name}", markdown(ast.get_docstring(code.module(name).tree)), ABOUT.get(name, "")]
    groups: dict[str, list[str]] = {"Constants and types": [], "Classes": [], "Functions": [], "Modules": []}
    for each in code.exported(name):
        if each.startswith("__"):
            continue
        home, node = code.find(f"{name}.{each}")
        if isinstance(node, ast.Module):
            groups["Modules"] += _module(home, each)
        elif isinstance(node, ast.ClassDef):
            groups["Classes"] += _class(home, node)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            groups["Functions"] += _function(home, node.name)
        else:
            parts_of = _constant(home, each, code.exported(name))
            if parts_of[0] not in groups["Constants and types"]:
                groups["Constants and types"] += parts_of
    for title, group in groups.items():
        if group:
            parts += [f"## {title}", *group]
    return _page(parts)


def _constant(source: code.Source, name: str, listed: list[str]) -> list[str]:
    """A constant with those that are set beside it and are of the face too."""
    node, about = source.constant(name)
    if not about:
        raise LookupError(f"{name} has no docstring")
    together = ", ".join(each for each in code.targets(node) if each in listed)
    return [f"### {together}", f"```python\n{ast.get_source_segment(source.text, node)}\n```", markdown(about)]


def _module(source: code.Source, name: str) -> list[str]:
    parts = [f"### {name}", markdown(ast.get_docstring(source.tree))]
    for node in source.tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            parts += _function(source, node.name, "####")
    return parts


def _class(source: code.Source, node: ast.ClassDef) -> list[str]:
    shown = [base for base in code.bases(node) if base not in ("ABC", "Protocol")]
    parts = [f"### {node.name}", f"```python\nclass {node.name}{'(' + ', '.join(shown) + ')' if shown else ''}\n```"]
    fields = [ast.unparse(each) for each in node.body if isinstance(each, ast.AnnAssign) and _public(each)]
    if fields:
        parts[-1] = parts[-1].replace("\n```", ":\n    " + "\n    ".join(fields) + "\n```")
    parts.append(_told(node))
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and (not each.name.startswith("_") or _initialises(each)):
            parts += _function(source, f"{node.name}.{each.name}", "####")
    return parts


def _function(source: code.Source, name: str, heading: str = "###") -> list[str]:
    node = source.named(name)
    assert isinstance(node, ast.FunctionDef)
    parts = [f"{heading} {name}", *_signed(source, name)]
    if code.is_abstract(node):
        parts.append("*A subclass has to write it.*")
    return [*parts, markdown(ast.get_docstring(node)) if heading == "####" else _told(node)]


def _told(node: ast.ClassDef | ast.FunctionDef) -> str:
    """What a docstring says. Raises LookupError where there is none."""
    if not (about := ast.get_docstring(node)):
        raise LookupError(f"{node.name} has no docstring")
    return markdown(about)


def _signed(source: code.Source, name: str) -> list[str]:
    node = source.named(name)
    assert isinstance(node, ast.FunctionDef)
    marks = "".join(f"@{each}\n" for each in ("property", "classmethod", "staticmethod") if _decorated(node, each))
    return [f"```python\n{marks}{source.signature(node)}\n```"]


def _initialises(node: ast.FunctionDef) -> bool:
    """Whether it is an ``__init__`` that says how to make one."""
    return node.name == "__init__" and bool(node.args.args[1:] or node.args.kwonlyargs)


def _public(node: ast.AnnAssign) -> bool:
    return isinstance(node.target, ast.Name) and not node.target.id.startswith("_")


def _decorated(node: ast.FunctionDef, name: str) -> bool:
    return any(isinstance(each, ast.Name) and each.id == name for each in node.decorator_list)


def _page(parts: list[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"
