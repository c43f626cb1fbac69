"""YAML as a person writes it: no key twice, numbers as YAML 1.2 has them, and no bombs."""

from __future__ import annotations

import re
from typing import Any

import yaml

DEEPEST, MOST = 64, 100_000
"""How many levels and values a YAML document may have, its aliases written out: a short one can mean gigabytes."""
LONG_NUMBER = re.compile(r"[-+]?(0x[0-9a-fA-F_]{100,}|0b[01_]{100,}|[0-9_.:]{100,})")
"""A plain scalar that no float has the digits of, and that takes long to read."""

OLD_NUMBER = re.compile(r"[-+]?(0[0-7_]*[1-7][0-7_]*|[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?)")
"""A plain scalar that YAML 1.1 reads in base 8 or 60, and YAML 1.2 in another way: 010, 1:30."""


class _Mappings:
    """Of a YAML loader: a key that stands twice in a mapping is refused, where YAML would drop the first of them."""

    def flatten_mapping(self, node: Any) -> None:
        """Merge mappings as YAML does. What is merged into several comes here often, at first as it was written."""
        seen: set[Any] = set()
        for key, _ in () if hasattr(node, "checked") else node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue  # others are no keys of Python's, and refused as such
            if (name := self.construct_object(key)) in seen:  # type: ignore[attr-defined]
                raise yaml.constructor.ConstructorError(None, None, f"'{name}' stands there twice", key.start_mark)
            seen.add(name)
        node.checked = True
        super().flatten_mapping(node)  # type: ignore[misc]


class _Loader(_Mappings, yaml.SafeLoader):
    """Python's, which knows the lines of what is not closed."""


class _FastLoader(_Mappings, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """libyaml's, where PyYAML has it."""


class _Dumper(yaml.SafeDumper):
    """Quotes a text that the loaders would take for a number."""


for _each in (_Loader, _FastLoader, _Dumper):  # 3e-4 is a number, as in YAML 1.2
    _each.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$"),
        list("-+.0123456789"),
    )


def parse_yaml(text: str, lines: bool = False) -> Any:
    """The plain values of a YAML document.

    Raises yaml.YAMLError, for a key that stands twice in a mapping and a document too deep or too large as well.

    ``lines`` has errors know the line of what is not closed, which takes ten times as long.
    """
    loader = _Loader if lines or "\\ud" in text.lower() else _FastLoader  # libyaml knows no such bytes
    _check_events(text, loader)
    try:
        return yaml.load(text, loader)
    except (ArithmeticError, AttributeError, LookupError, ValueError) as error:  # a date that is none, say
        raise yaml.YAMLError(f"a value is not of its type: {error}") from error


def _check_events(text: str, loader: type[yaml.SafeLoader]) -> None:
    """Raise yaml.YAMLError for a document that would take the memory or the time of many, or says what nobody means."""
    sizes: dict[str | None, int] = {}
    begun: list[tuple[str | None, int]] = [(None, 0)]  # what is open: the anchor, and the values in it so far
    for event in yaml.parse(text, loader):
        size = 0
        if isinstance(event, yaml.CollectionStartEvent):
            begun.append((event.anchor, 1))
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = begun.pop()
            sizes[anchor] = size
        elif isinstance(event, yaml.AliasEvent):
            size = MOST if event.anchor in dict(begun) else sizes.get(event.anchor, 1)
        elif isinstance(event, yaml.ScalarEvent):
            size = sizes[event.anchor] = 1
            if event.implicit[0] and LONG_NUMBER.fullmatch(event.value):
                raise _wrong(f"a number of {len(event.value):,} digits", event)
            if event.implicit[0] and OLD_NUMBER.fullmatch(event.value):
                raise _wrong(f"{event.value} would be read in base {60 if ':' in event.value else 8}; quote it", event)
        begun[-1] = begun[-1][0], begun[-1][1] + size
        if len(begun) > DEEPEST:
            raise _wrong(f"nested more than {DEEPEST} deep", event)
        if begun[-1][1] >= MOST:
            raise _wrong(f"more than {MOST:,} values, with what its aliases stand for", event)


def _wrong(problem: str, event: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)


def dump_yaml(value: Any, **how: Any) -> str:
    """Plain values as a YAML document that ``parse_yaml`` reads, keys in their order; ``how`` as for ``yaml.dump``."""
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, **how))


def yaml_problem(error: Exception) -> str:
    """Why a YAML file cannot be read, with the line where one is to blame."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return getattr(error, "strerror", None) or str(error).splitlines()[0]
