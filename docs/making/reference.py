"""The reference of the contract: every hook, and the classes that plugins subclass or are given."""

from __future__ import annotations

import ast

from making import code
from making.docstrings import markdown

HOOKS = "ctk.hookspecs"

# Where each class stands, in the order of the page.
CONTRACT: dict[str, tuple[str, ...]] = {
    "ctk.samples": ("Samples", "Gallery", "Targets", "Data"),
    "ctk.contract.competition": ("Competition", "Submission"),
    "ctk.contract": (
        "DataReader",
        "DataItem",
        "Model",
        "FitContext",
        "Batch",
        "Metric",
        "Blender",
        "Blend",
        "Filter",
        "FilterContext",
    ),
    "ctk.data.samples_writer": ("SamplesWriter",),
    "ctk.contract.platform": ("Platform", "Entry"),
    "ctk.report": ("Section",),
    "ctk.runs": ("Run",),
    "ctk.contract.results": ("Results",),
    "ctk.errors": ("CtkError", "UsageError", "DataError", "SubmissionError", "PluginError"),
}

# Of these classes a plugin needs some methods only.
METHODS = {"Run": ("competition", "config", "state", "scores", "log")}

# Functions beside the classes that a plugin calls.
FUNCTIONS = ("ctk.contract.competition.presets_in", "ctk.errors.nearest")


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


def contract() -> str:
    """The page of classes."""
    parts = [
        "# The contract",
        "What a plugin subclasses, and what it is given. Keyword-only parameters of a subclass's `__init__` are its "
        "config keys. The [hooks](hooks.md) say where each is offered.",
    ]
    for name, classes in CONTRACT.items():
        source = code.module(name)
        parts.append(f"## {name}")
        parts.append(markdown(ast.get_docstring(source.tree)))
        for each in classes:
            home, node = code.find(f"{name}.{each}")
            assert isinstance(node, ast.ClassDef)
            parts += _class(home, node)
        for dotted in FUNCTIONS:
            if dotted.rpartition(".")[0] == name:
                parts += _function(source, dotted.rpartition(".")[2])
    return _page(parts)


def _class(source: code.Source, node: ast.ClassDef) -> list[str]:
    shown = [base for base in code.bases(node) if base not in ("ABC", "Protocol")]
    parts = [f"### {node.name}", f"```python\nclass {node.name}{'(' + ', '.join(shown) + ')' if shown else ''}\n```"]
    fields = [ast.unparse(each) for each in node.body if isinstance(each, ast.AnnAssign) and _public(each)]
    if fields:
        parts[-1] = parts[-1].replace("\n```", ":\n    " + "\n    ".join(fields) + "\n```")
    parts.append(markdown(ast.get_docstring(node)))
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and _shown(node, each):
            parts += _function(source, f"{node.name}.{each.name}", "####")
    return parts


def _function(source: code.Source, name: str, heading: str = "###") -> list[str]:
    node = source.named(name)
    assert isinstance(node, ast.FunctionDef)
    parts = [f"{heading} {name}", *_signed(source, name)]
    if code.is_abstract(node):
        parts.append("*A subclass has to write it.*")
    return [*parts, markdown(ast.get_docstring(node))]


def _signed(source: code.Source, name: str) -> list[str]:
    node = source.named(name)
    assert isinstance(node, ast.FunctionDef)
    mark = "@property\n" if code.is_property(node) else ""
    return [f"```python\n{mark}{source.signature(node)}\n```"]


def _shown(cls: ast.ClassDef, node: ast.FunctionDef) -> bool:
    if cls.name in METHODS:
        return node.name in METHODS[cls.name]
    return not node.name.startswith("_") or _initialises(node)


def _initialises(node: ast.FunctionDef) -> bool:
    """Whether it is an ``__init__`` that says how to make one."""
    return node.name == "__init__" and bool(node.args.args[1:] or node.args.kwonlyargs)


def _public(node: ast.AnnAssign) -> bool:
    return isinstance(node.target, ast.Name) and not node.target.id.startswith("_")


def _decorated(node: ast.FunctionDef, name: str) -> bool:
    return any(isinstance(each, ast.Name) and each.id == name for each in node.decorator_list)


def _page(parts: list[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"
