"""The formats: how each is written, and run again by the library that reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from ctk.samples import Array
from ctk_export.portable import Portable


@dataclass(frozen=True)
class Job:
    """What a format is told.

    fitted   the model
    example  what its graph takes, a few rows of real samples
    labels   of competition, run and part, for those who meet the file alone
    restore  makes the same kind of model from tensors, beginning with one that was never fitted
    opset    version of ONNX's operators
    """

    fitted: Portable
    example: Sequence[Tensor]
    labels: Mapping[str, str]
    restore: Callable[[dict[str, Tensor]], Portable]
    opset: int


class Format(Protocol):
    """A module of this package.

    SUFFIX     of its files
    LIBRARIES  distributions that write and read it
    """

    SUFFIX: str
    LIBRARIES: Sequence[str]

    def write(self, job: Job, path: Path) -> dict[str, Any]:
        """Write ``path``, and files beside it that begin with its name; returns facts worth telling.

        Raises CtkError where the model cannot be written so.
        """

    def reader(self, job: Job, path: Path) -> Callable[[Sequence[Tensor]], Array]:
        """What was written, loaded by the format's own library: called with inputs it gives the prediction."""


def format_of(name: str) -> Format:
    """A format's module, imported now."""
    module: Any = import_module(f"ctk_export.formats.{name}")
    form: Format = module
    return form
