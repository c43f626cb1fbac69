"""Config files, and ``key=value`` overrides of what they say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ctk.errors import UsageError, nearest
from ctk.files import parse_yaml, refuse_packed, yaml_problem


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a config file. Raises UsageError if it is missing, not YAML, or not a mapping."""
    refuse_packed(path, UsageError, "config")
    try:
        value = parse_yaml(path.read_text(encoding="utf-8"), lines=True)
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such file.") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: cannot be read as YAML ({yaml_problem(error)}).") from None
    if not isinstance(value, dict):
        raise UsageError(f"{path}: a config is a mapping of keys, not {type(value).__name__}.")
    return value


def override(config: dict[str, Any], assignment: str) -> None:
    """Apply one ``key=value`` in place. The value is YAML; the key a dotted path, a member by number, name or ``*``."""
    path, equals, text = assignment.partition("=")
    if not equals or not path:
        raise UsageError(f"-o {assignment}: an override is key=value.", "For example -o split.folds=5.")
    try:
        value = parse_yaml(text)
    except yaml.YAMLError as error:
        raise UsageError(f"-o {assignment}: the value is not YAML ({yaml_problem(error)}).") from None
    head, weights, member = path.partition("weights.")
    by_name = weights and head in ("", "blend.")  # the rest is a member's name, which may have dots
    _assign(config, [*head.split(".")[:-1], "weights", member] if by_name else path.split("."), value, assignment)


def _assign(node: Any, path: list[str], value: Any, assignment: str) -> None:
    head, rest = path[0], path[1:]
    if isinstance(node, list):
        for index in _indices(node, head, assignment):
            if not rest:
                node[index] = value
                continue
            if isinstance(node[index], str):
                node[index] = {"name": node[index]}
            if not isinstance(node[index], (dict, list)):
                raise UsageError(f"-o {assignment}: {head} is {node[index]!r}, which has no keys.")
            _assign(node[index], rest, value, assignment)
        return
    if not rest:
        old = node.get(head)
        keeps = isinstance(old, Mapping) and "name" in old and old["name"] == value
        node[head] = old if keeps else value
        return
    if isinstance(node.get(head), str):
        node[head] = {"name": node[head]}
    if not isinstance(node.get(head), (dict, list)):
        node[head] = {}
    _assign(node[head], rest, value, assignment)


def _indices(items: list[Any], head: str, assignment: str) -> list[int]:
    if head == "*":
        return list(range(len(items)))
    if head.isdigit() and int(head) < len(items):
        return [int(head)]
    names = [entry_name(item) for item in items]
    found = [index for index, name in enumerate(names) if name == head]
    if not found:
        raise UsageError(f"-o {assignment}: there is no '{head}' in that list.", nearest(head, names, "entries"))
    return found


def entry_name(item: Any) -> str:
    """Name an entry of a list (a member, a filter) as the dotted path of an override does; empty for none."""
    if isinstance(item, str):
        return item
    if not isinstance(item, Mapping):
        return ""
    return str(item["name"]) if "name" in item else entry_name(item.get("model", ""))
