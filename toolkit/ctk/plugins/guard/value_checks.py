"""What a check is, and checks of the type alone, which every table has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ctk.plugins.guard.failures import require

Given = Mapping[str, Any]
"""The arguments of a call by name; ``self`` is the wrapped component, where it is of a contract class."""
Check = Callable[[Any, Given], Any]
"""From a returned value and the arguments to the value that is handed on. Raises ContractViolation."""


def of_type(kind: type, sentence: str) -> Check:
    """A check of the type alone; ``sentence`` has a ``{}`` for the type that a wrong value has."""

    def check(value: Any, given: Given) -> Any:
        require(isinstance(value, kind), sentence.format(type(value).__name__))
        return value

    return check


def instance_of(base: type) -> Check:
    return of_type(base, f"is a {{}}, and a ctk.contract.{base.__name__} is needed")


def list_of(kind: type, sentence: str) -> Check:
    check = of_type(kind, sentence)
    return lambda values, given: [check(value, given) for value in values]
