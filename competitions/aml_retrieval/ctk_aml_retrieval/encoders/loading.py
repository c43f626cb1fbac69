"""What every encoder needs to load: a library that may be missing, weights that may be out of reach."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ctk.errors import CtkError


def library(module: str, extra: str) -> Any:
    """Import a module, or raise CtkError naming the extra that brings it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise CtkError(
            f"{module.partition('.')[0]} cannot be imported ({error}).",
            f"pip install 'ctk-aml-retrieval[{extra}]'",
        ) from error


@contextmanager
def loading(model: str) -> Iterator[None]:
    """Turn whatever loading a model's weights raises into a CtkError that says where else they may come from.

    Hubs fail in many classes (their own, their HTTP library's, OSError, ValueError), hence the wide net; the cause is
    kept and its first line shown.
    """
    try:
        yield
    except CtkError:
        raise
    except Exception as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise CtkError(
            f"The weights of {model} cannot be loaded: {reason}",
            "Check the name and the connection, or give the path of a downloaded copy instead of the name.",
        ) from error
