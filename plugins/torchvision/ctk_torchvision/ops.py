"""Transforms of torchvision by name, checked when a config is: that they exist, take the options, give pictures."""

from __future__ import annotations

import inspect
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from ctk.contract import Choice
from ctk.errors import near, nearest

if TYPE_CHECKING:
    from torchvision.transforms import v2

SMALL = 96
"""Rows of the picture that an op is tried on; it is twice as wide."""


class OpChoice(Choice):
    """A class of ``torchvision.transforms.v2`` with its options: ``{name: ColorJitter, brightness: 0.3}``."""

    probability: float = Field(1.0, ge=0, le=1, description="of a row to be changed by it")

    @model_validator(mode="after")
    def _usable(self) -> OpChoice:
        make_op(self)
        return self


def make_op(choice: OpChoice) -> v2.Transform:
    """Make the transform that a choice names, and try it on a small picture.

    Raises ValueError for an option that it has not, PydanticCustomError for whatever else is wrong with the choice.
    """
    found = known_ops().get(choice.name)
    if found is None:
        close = near(choice.name, known_ops()) or "See torchvision's own list of its transforms"
        raise _wrong(f"torchvision.transforms.v2 has no such transform. {close}")
    parameters = inspect.signature(found).parameters
    for key in choice.options:
        if key not in parameters:
            raise ValueError(f"unknown key '{key}'. {nearest(key, [*parameters, 'probability'], 'keys')}")
    options = {key: _plain(value, parameters[key].annotation) for key, value in choice.options.items()}
    try:
        op = found(**options)
        _try(op, options.get("size"))
    except Exception as error:  # whatever a library's class says of what it was given
        raise _wrong(f"it cannot be used so: {error}".rstrip(".")) from error
    return op


@cache
def known_ops() -> dict[str, type[v2.Transform]]:
    """Return the transforms that torchvision has, by name."""
    from torchvision.transforms import v2

    classes = {name: getattr(v2, name) for name in dir(v2) if name[0].isupper()}
    return {
        name: each
        for name, each in classes.items()
        if inspect.isclass(each) and issubclass(each, v2.Transform) and each is not v2.Transform
    }


def _plain(value: Any, annotation: Any) -> Any:
    """A value as a config has it to what the class takes: the member of an enumeration by its value."""
    return annotation(value) if inspect.isclass(annotation) and issubclass(annotation, Enum) else value


def _try(op: v2.Transform, size: Any) -> None:
    """Raise ValueError where what comes out is no picture; nothing is drawn from the global generator."""
    import torch

    rows = max([SMALL, *(size if isinstance(size, (list, tuple)) else [size or 0])])
    with torch.random.fork_rng(devices=[]):
        made = op(torch.randint(0, 256, (1, 3, rows, 2 * rows), dtype=torch.uint8))
    if not isinstance(made, torch.Tensor) or made.dtype != torch.uint8 or made.shape[:-2] != (1, 3):
        what = f"{made.dtype} {tuple(made.shape)}" if isinstance(made, torch.Tensor) else f"a {type(made).__name__}"
        raise ValueError(f"it makes {what} of a picture, and uint8 of three channels is needed")


def _wrong(problem: str) -> PydanticCustomError:
    return PydanticCustomError("op", "{problem}", {"problem": problem})
