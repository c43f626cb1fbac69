"""What every encoder needs to load: a library that may be missing, weights that may be out of reach, a device."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ctk.errors import CtkError, UsageError

if TYPE_CHECKING:
    import torch


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


def on_device(device: str) -> torch.device:
    """The torch device of this name; "auto" is the first GPU, else the CPU."""
    import torch

    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"The device '{device}' cannot be used ({reason}).", "Use auto, cpu or cuda.") from error
    return torch.device(device)
