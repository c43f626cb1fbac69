"""What components return, looked at before it is used: predictions, scores, masks, numbers, curves."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ctk.contract.blender import BLOCK
from ctk.plugins.guard.guard import Wrong
from ctk.samples import Array

NUMBERS = "biuf"
"""Kinds of dtype that are numbers: bool, whole ones, floating ones."""


def numeric(value: Any, what: str) -> Array:
    """As an array of numbers; ``what`` begins the sentence, as "predicted". Raises Wrong for anything else."""
    if value is None:
        raise Wrong(f"{what} None, and an array is needed")
    try:
        values: Array = np.asarray(value)
    except ValueError:  # rows of different lengths
        raise Wrong(f"{what} rows of different lengths, and an array is needed") from None
    if values.dtype.kind not in NUMBERS:
        raise Wrong(f"{what} an array of {_content(values)}, and numbers are needed")
    return values


def prediction(value: Any, rows: int, row: tuple[int, ...] | None) -> Array:
    """A model's prediction as an array (rows, D); one number a row may come as (rows,). Raises Wrong.

    row  shape of one row of the target; None where no target is known, and any width is taken
    """
    values = numeric(value, "predicted")
    if row is None:
        fits = values.ndim > 1 and len(values) == rows
        wanted = f"({rows}, D)"
    else:
        width = math.prod(row)
        if width == 1 and values.shape == (rows,):
            return values.reshape(rows, 1)
        fits = values.shape in {(rows, width), (rows, *row)}
        wanted = str((rows, width))
    if not fits:
        raise Wrong(f"predicted an array of shape {values.shape}, and {wanted} is needed")
    return values


def refuse_not_finite(values: Array, ids: Array, help: str = "") -> None:
    """Raise Wrong naming the first sample (by its id) with a number that is none. Looks at some rows at a time."""
    if values.dtype.kind != "f":
        return
    for rows in blocks(values):
        finite = np.isfinite(values[rows])
        if not finite.all():
            row = rows.start + int((~finite).reshape(len(finite), -1).any(axis=1).argmax())
            bad = values[row][~np.isfinite(values[row])].flat[0] if values.ndim > 1 else values[row]
            raise Wrong(f"predicted {bad} for sample {ids[row]}; predictions must be finite", help)


def number(value: Any, what: str) -> float:
    """One number as a float, nan and infinities too. Raises Wrong."""
    shape = getattr(value, "shape", ())
    if isinstance(shape, tuple) and len(shape):
        raise Wrong(f"{what} an array of shape {tuple(shape)}, and one number is needed")
    item = value.item() if hasattr(value, "item") else value
    if not isinstance(item, (int, float)):
        raise Wrong(f"{what} a {type(value).__name__}, and one number is needed")
    return float(item)


def numbers(value: Any, what: str, needed: Sequence[str] = ()) -> dict[str, float]:
    """Numbers by name, with those that are needed among them. Raises Wrong."""
    if not isinstance(value, Mapping):
        raise Wrong(f"{what} a {type(value).__name__}, and numbers by name are needed")
    for name in needed:
        if name not in value:
            raise Wrong(f"{what} no '{name}' but {', '.join(map(str, value)) or 'nothing'}")
    return {str(name): number(each, f"{what} as '{name}'") for name, each in value.items()}


def scores(value: Any, rows: int) -> Array:
    """A filter's scores as (rows,) float32. Raises Wrong."""
    values = numeric(value, "scored")
    if values.shape != (rows,):
        raise Wrong(f"scored an array of shape {values.shape}, and ({rows},) is needed")
    values = values.astype(np.float32, copy=False)
    if (bad := np.flatnonzero(~np.isfinite(values))).size:
        raise Wrong(f"scored row {bad[0]:,} with {values[bad[0]]}; scores must be finite")
    return values


def mask(value: Any, rows: int) -> Array:
    """What a filter keeps, (rows,) bool. Raises Wrong; row numbers are no mask."""
    values: Array = np.asarray(value)
    if values.dtype != bool or values.shape != (rows,):
        raise Wrong(f"keeps by an array of {_content(values)} of shape {values.shape}, and bool ({rows},) is needed")
    return values


def curve(value: Any) -> list[dict[str, float]]:
    """A model's curve: a mapping of numbers by name for each validated epoch. Raises Wrong."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise Wrong(f"has a {type(value).__name__} for its curve, and a list of numbers by name is needed")
    return [numbers(row, "has in its curve") for row in value]


def as_json(value: Any, what: str) -> dict[str, Any]:
    """A mapping as it will be read back from JSON. Raises Wrong where that is not what was written."""
    if not isinstance(value, Mapping):
        raise Wrong(f"{what} a {type(value).__name__}, and a mapping is needed")
    try:
        return dict(json.loads(json.dumps(dict(value))))
    except (TypeError, ValueError) as error:
        raise Wrong(f"{what} what JSON cannot keep ({error})") from None


def blocks(values: Array) -> Iterator[slice]:
    """Rows that are looked at together: some MB, also of an array that is mapped from disk."""
    rows = max(1, BLOCK // max(1, math.prod(values.shape[1:])))
    return (slice(start, start + rows) for start in range(0, len(values), rows))


def _content(values: Array) -> str:
    """What an array holds, in words."""
    if values.dtype.kind == "O":
        return f"objects ({type(values.flat[0]).__name__})" if values.size else "objects"
    return {"U": "text", "S": "bytes", "M": "times", "b": "bool"}.get(values.dtype.kind, str(values.dtype))
