"""Arguments of functions that people call from Python: checked by their annotations, before anything is done."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache, wraps
from os import PathLike
from types import UnionType
from typing import Any, ParamSpec, TypeVar, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from ctk.errors import UsageError, near, nearest

P = ParamSpec("P")
R = TypeVar("R")
LONGEST = 80
"""Characters of a wrong value that are shown."""


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Wrap a function so that its arguments are checked against its annotations. It raises UsageError naming one.

    They are taken as pydantic does: a path may be text. One value where several are wanted stands for a list of it, and
    whatever can be iterated over for a list. What ``**how`` passes on is checked by the function that it is passed to.
    """
    signature = inspect.signature(function)
    known = [name for name, each in signature.parameters.items() if each.kind is not each.VAR_KEYWORD]
    hints: dict[str, Any] = {}  # resolved at the first call, so that importing a module waits for nothing

    @wraps(function)
    def call(*given: P.args, **named: P.kwargs) -> R:
        try:
            bound = signature.bind(*given, **named)
        except TypeError as error:
            if unknown := [name for name in named if name not in known]:
                help = nearest(unknown[0], known, "arguments")
                raise UsageError(f"There is no argument '{unknown[0]}'.", help) from None
            raise UsageError(f"{function.__name__}: {error}.") from None
        hints.update(hints or get_type_hints(function))
        for name in known:
            if name in bound.arguments:
                bound.arguments[name] = _checked(name, bound.arguments[name], hints[name])
        return function(*bound.args, **bound.kwargs)

    return call


def _checked(name: str, value: Any, kind: Any) -> Any:
    kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    several = any(get_origin(each) is Sequence for each in kinds)
    try:
        return _adapter(kind).validate_python(_listed(value) if several and value is not None else value)
    except ValidationError as error:
        first = error.errors()[0]
        message, help = first["msg"], ""
        if first["type"] == "literal_error":
            help = near(str(value), re.findall(r"'([^']*)'", first["ctx"]["expected"]))
        text = repr(value)
        shown = text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."
        raise UsageError(f"Argument {name}={shown} is wrong: {message[:1].lower()}{message[1:]}.", help) from None


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind, config=ConfigDict(arbitrary_types_allowed=True))


def _listed(value: Any) -> list[Any]:
    if isinstance(value, (str, bytes, PathLike)) or not isinstance(value, Iterable):
        return [value]
    return list(value)
