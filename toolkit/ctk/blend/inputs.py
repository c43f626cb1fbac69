"""Predictions and target as arrays that the engine can read where they lie, or an error that names what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctk.blend.members import members_of
from ctk.blend.scores import BY_LABEL, CLASSES, LABELS, SQUARED, ClimbMetric

ROWS = 1 << 16
"""Rows that are looked through at a time."""
MOST_LABELS = 1000
"""Labels that numbers of one column may stand for: more are no labels."""


@dataclass(frozen=True)
class ClimbInputs:
    """members M arrays (N,) or (N, T), float32 or float64, target (N,) or (N, T), or class numbers (N,).

    Members are of one dtype, but for squared errors: these are taken in double, whatever they are of.
    """

    members: list[NDArray[Any]]
    target: NDArray[Any]

    @property
    def rows(self) -> int:
        return len(self.members[0])

    @property
    def columns(self) -> int:
        """T, or 1 where predictions are (N,)."""
        return self.members[0].shape[1] if self.members[0].ndim == 2 else 1

    @property
    def classes(self) -> bool:
        """Whether a row's numbers are the probabilities of its classes."""
        return self.members[0].ndim > self.target.ndim

    def take(self, rows: NDArray[np.int64]) -> ClimbInputs:
        """Take some of the rows of members and target."""
        return ClimbInputs([member[rows] for member in self.members], self.target[rows])


def read(predictions: Sequence[Any] | Any, target: Any, metric: ClimbMetric) -> ClimbInputs:
    """Checks shapes and dtypes. Arrays that the engine can read are not copied."""
    members = [
        _floats(to_array(member, f"member {number}"), f"member {number}")
        for number, member in enumerate(members_of(predictions)[0])
    ]
    y = to_array(target)
    classes = check_shapes([member.shape for member in members], y.shape, metric)
    if metric.name not in SQUARED or metric.call is not None:
        dtype = np.result_type(*members)
        members = [member.astype(dtype, copy=False) for member in members]
    if metric.call is not None:
        return ClimbInputs(members, y)
    shape = members[0].shape
    if metric.name in (*LABELS, *BY_LABEL):
        ordinal = metric.name in BY_LABEL and (len(shape) == 1 or shape[1] == 1)
        y = to_labels(y, MOST_LABELS if ordinal else shape[1] if classes else 2, metric.name)
    else:
        y = _floats(y, "target")
    if len(shape) == 2 and shape[1] == 1 and not classes:  # one column is read as such, whatever its shape
        members, y = [member[:, 0] for member in members], y[:, 0]
    return ClimbInputs(members, y)


def check_shapes(members: Sequence[tuple[int, ...]], target: tuple[int, ...], metric: ClimbMetric) -> bool:
    """ValueError where shapes do not fit; whether a row's numbers are the probabilities of its classes."""
    if not members:
        raise ValueError("there is nothing to blend: give at least one member's predictions")
    shape = members[0]
    if len(shape) not in (1, 2):
        raise ValueError(f"member 0 is of shape {shape}: predictions are (M, N) or (M, N, T)")
    for number, member in enumerate(members):
        if member != shape:
            raise ValueError(f"member {number} is of shape {member}, member 0 of {shape}: all must be of one")
    if 0 in shape:
        raise ValueError(f"predictions of shape {shape} hold no numbers: there is nothing to blend")
    rows_first = target[:1] == (len(members),) != shape[:1]
    turned = f"; {len(members):,} rows came as members: members are first, (M, N)" if rows_first else ""
    if metric.call is not None:
        if target[:1] != shape[:1]:
            raise ValueError(f"target is of shape {target}, predictions of {shape}: each row needs its target{turned}")
        return False
    classes = metric.name in CLASSES and len(shape) == 2 and target == shape[:1]
    if target != shape and not classes:
        several = " (or (N,) of class numbers)" if metric.name in CLASSES else ""
        raise ValueError(f"target is of shape {target}, predictions of {shape}: they must be the same{several}{turned}")
    return classes


def to_array(numbers: Any, what: str = "target") -> NDArray[Any]:
    """Anything as a numpy array; tensors come to the host. ValueError for a tensor that holds none."""
    if hasattr(numbers, "detach"):  # a torch tensor: without one torch is not needed
        from ctk.ops.arguments import check_dense

        check_dense(what, numbers)
        numbers = numbers.detach().cpu()
        if "bfloat16" in str(numbers.dtype):
            numbers = numbers.float()
        return np.asarray(numbers.numpy())
    return np.asarray(numbers)


def _floats(array: NDArray[Any], what: str) -> NDArray[Any]:
    """float32 or float64, in the machine's byte order, a row's numbers side by side."""
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{what} holds {array.dtype}: numbers are needed")
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float32 if array.dtype == np.float16 else np.float64)
    regular = array.flags.aligned and all(stride % array.itemsize == 0 for stride in array.strides)
    if not regular or (array.ndim == 2 and array.shape[1] > 1 and array.strides[1] != array.itemsize):
        array = np.ascontiguousarray(array)
    return array


def to_labels(array: NDArray[Any], classes: int, metric: str) -> NDArray[np.int64]:
    """Class numbers as int64. ValueError that names the first number that is none."""
    wrong = (array != np.floor(array)) | (array < 0) | (array >= classes) if array.dtype.kind in "fiu" else None
    if wrong is None and array.dtype.kind != "b":
        raise ValueError(f"target holds {array.dtype}: {metric} needs whole numbers from 0 to {classes - 1}")
    if wrong is not None and wrong.any():
        place = np.argwhere(wrong)[0]
        raise ValueError(
            f"target, row {place[0]:,}: {array[tuple(place)]} is no class; {metric} needs whole numbers from 0 to"
            f" {classes - 1}"
        )
    return array.astype(np.int64)


def refuse_not_finite(data: ClimbInputs) -> None:
    """ValueError that names the first number that is NaN or infinite; nothing where there is none."""
    named = [(f"member {number}", member) for number, member in enumerate(data.members)]
    if data.target.dtype.kind == "f":
        named.append(("target", data.target))
    for name, array in named:
        for start in range(0, len(array), ROWS):  # a mask of all of it may not fit where the array itself is mapped
            wrong = ~np.isfinite(array[start : start + ROWS])
            if wrong.any():
                row, *columns = np.argwhere(wrong)[0].tolist()
                place = (start + row, *columns)
                column = f", column {columns[0]:,}" if columns else ""
                raise ValueError(
                    f"{name}, row {place[0]:,}{column}: {array[place]} cannot be blended; drop the row or mend it"
                )
