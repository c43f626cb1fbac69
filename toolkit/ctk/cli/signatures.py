"""The config keys of a component, read from its source: completing a line must not import torch for a name.

What is read are keyword-only parameters and the fields of a training schema, with the values that their annotations
name. What the source does not show plainly is left out; the component's own check knows better.
"""

from __future__ import annotations

import ast
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from ctk.errors import PluginError
from ctk.plugins.source import find

Keys = dict[str, tuple[str, ...]]
"""Config keys, each with the values that can be named."""
DEPTH = 20
"""Classes looked through, one inheriting from the other, and names imported from one module by the next."""


@dataclass(frozen=True)
class Definition:
    """A class, function or value at the top of a module."""

    module: str
    node: ast.AST


def options(thing: Any) -> Keys:
    """The keyword-only parameters of ``"module:attribute"``, a class or a function; none where they cannot be read."""
    if not isinstance(thing, str):
        return {}
    module, _, attribute = thing.partition(":")
    for found in _lineage(module, attribute):
        function = found.node if isinstance(found.node, ast.FunctionDef) else _method(found.node, "__init__")
        if function is not None:
            return {each.arg: _values(each.annotation, found.module) for each in function.args.kwonlyargs}
    return {}


def training_keys(thing: Any) -> Keys | None:
    """The fields of a model's own training schema; None where it has the one of a network."""
    if not isinstance(thing, str):
        return None
    module, _, attribute = thing.partition(":")
    for found in _lineage(module, attribute):
        if (name := _class_value(found.node, "schema")) is None:
            continue
        keys: Keys = {}
        for schema in _lineage(found.module, name):
            if (schema.module, name) == ("ctk.config.training_keys", "Training"):
                return None
            for field in getattr(schema.node, "body", ()):
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    keys.setdefault(field.target.id, _values(field.annotation, schema.module))
        keys.pop("model_config", None)
        return keys
    return None


def _lineage(module: str, name: str) -> Iterator[Definition]:
    """What a name means, then, if it is a class, the first of its bases, and so on."""
    for _ in range(DEPTH):
        found = _definition(module, name)
        if found is None:
            return
        yield found
        bases = found.node.bases if isinstance(found.node, ast.ClassDef) else []
        named = [base.id for base in bases if isinstance(base, ast.Name)]
        if not named:
            return
        module, name = found.module, named[0]


def _definition(module: str, name: str) -> Definition | None:
    """Where a name of a module is defined, through imports from one module by the next."""
    for _ in range(DEPTH):
        for statement in _body(module):
            match statement:
                case ast.ClassDef(name=own) | ast.FunctionDef(name=own) if own == name:
                    return Definition(module, statement)
                case ast.Assign(targets=[ast.Name(id=own)], value=value) if own == name:
                    return Definition(module, value)
                case ast.ImportFrom(names=names) if any((alias.asname or alias.name) == name for alias in names):
                    imported = next(alias.name for alias in names if (alias.asname or alias.name) == name)
                    parents = module.split(".")[: -statement.level] if statement.level else []
                    module, name = ".".join([*parents, *([statement.module] if statement.module else [])]), imported
                    break
        else:
            return None
    return None


@cache
def _body(module: str) -> list[ast.stmt]:
    try:
        path = find(module)
        if path is None:
            return []
        with tokenize.open(path) as file:
            return ast.parse(file.read()).body
    except (PluginError, OSError, SyntaxError, ValueError):
        return []


def _method(node: ast.AST, name: str) -> ast.FunctionDef | None:
    for each in getattr(node, "body", ()):
        if isinstance(each, ast.FunctionDef) and each.name == name:
            return each
    return None


def _class_value(node: ast.AST, name: str) -> str | None:
    """The name that a class attribute is set to."""
    for each in getattr(node, "body", ()):
        match each:
            case ast.Assign(targets=[ast.Name(id=own)], value=ast.Name(id=value)) if own == name:
                return value
            case ast.AnnAssign(target=ast.Name(id=own), value=ast.Name(id=value)) if own == name:
                return value
    return None


def _values(annotation: ast.expr | None, module: str) -> tuple[str, ...]:
    """The values that an annotation names: of a bool, of a Literal, also by another name or among others."""
    match annotation:
        case ast.Name(id="bool"):
            return ("true", "false")
        case ast.Constant(value=None):
            return ("null",)
        case ast.BinOp(left=left, right=right):
            values = (*_values(left, module), *_values(right, module))
            return () if values == ("null",) else values
        case ast.Subscript(value=ast.Name(id="Literal"), slice=inner):
            listed = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            return tuple(str(each.value) for each in listed if isinstance(each, ast.Constant))
        case ast.Subscript(value=ast.Name(id="Annotated"), slice=ast.Tuple(elts=[first, *_])):
            return _values(first, module)
        case ast.Name(id=name) if isinstance(found := _definition(module, name), Definition):
            return _values(found.node, found.module) if isinstance(found.node, ast.Subscript) else ()
    return ()
