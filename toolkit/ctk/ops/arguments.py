"""Arguments of the ops: vectors whose numbers can be read, and integers in whatever holds them."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Integers = Tensor | NDArray[Any] | Sequence[int]
"""What ids and targets may come as."""


def check_dense(name: str, tensor: Tensor) -> None:
    """Raise ValueError for a tensor whose numbers do not lie side by side in memory: a sparse or a meta one."""
    if tensor.layout is not torch.strided:
        raise ValueError(f"{name} is a sparse tensor ({tensor.layout}); give it as .to_dense()")
    if tensor.device.type == "meta":
        raise ValueError(f"{name} is on meta, the device of tensors without numbers; give one that holds some")


def as_integers(name: str, given: Any, rows: int, device: torch.device) -> Tensor:
    """Return (rows,) int64 of a tensor on the device, an array or a list. Raises ValueError for anything else.

    True and False may be ids, but not a ``target``: a mask is no list of rows.
    """
    if not isinstance(given, Tensor):
        try:
            given = torch.as_tensor(np.array(given), device=device)  # a copy, as torch warns of what is read-only
        except (TypeError, ValueError, RuntimeError, OverflowError):
            raise ValueError(f"{name} is ({rows},) integers, not {type(given).__name__} of something else") from None
    mask = given.dtype == torch.bool and name == "target"
    if given.shape != (rows,) or given.is_floating_point() or given.is_complex() or mask:
        raise ValueError(f"{name} is ({rows},) integers, one a row, not {tuple(given.shape)} {given.dtype}")
    if given.device != device:
        raise ValueError(f"{name} is on {given.device} and the vectors on {device}")
    check_dense(name, given)
    found: Tensor = given.long()
    return found


def as_whole(name: str, given: Any) -> int:
    """Return a whole number above zero, of Python's, numpy's or torch's. Raises ValueError for all else, True too."""
    try:
        number = given if isinstance(given, int) else operator.index(given)
    except TypeError:
        number = 0
    if isinstance(given, bool) or number < 1:
        raise ValueError(f"{name} is {given!r}; a whole number above zero is needed")
    return number


def require_rows(good: Tensor, problem: str) -> None:
    """Raise ValueError, ``{}`` in it filled with the first row, where not all of (n,) bool hold."""
    if not bool(good.all()):
        raise ValueError(problem.format(int((~good).nonzero()[0])))
