"""The library of our ops, ``torch.ops.ctk``. Schemas and fakes are Python's: ops exist where no kernel does."""

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch.library import Library

LIBRARY = Library("ctk", "FRAGMENT")  # type: ignore[no-untyped-call]

Function = TypeVar("Function", bound=Callable[..., Any])


def define(schema: str) -> None:
    """Declare an op: ``name(Tensor query, ...) -> Tensor``."""
    LIBRARY.define(schema)  # type: ignore[no-untyped-call]


def fake(name: str) -> Callable[[Function], Function]:
    """Say what shapes and dtypes an op returns, for torch.compile and export."""

    def register(function: Function) -> Function:
        torch.library.register_fake(f"ctk::{name}", function, lib=LIBRARY)
        return function

    return register


def autograd(name: str, backward: Callable[..., Any], save: Callable[..., None]) -> None:
    """Give an op its derivative: ``save(ctx, inputs, output)`` forward, ``backward(ctx, *gradients)`` later."""
    torch.library.register_autograd(f"ctk::{name}", backward, setup_context=save, lib=LIBRARY)
