"""Checks of arrays and numbers that components return; what is mapped from disk is read some rows at a time."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ctk.contract.blender import BLOCK
from ctk.data import fits_float32
from ctk.plugins.guard.failures import ContractViolation, require
from ctk.samples import Array, Samples

NUMBERS = "biuf"
"""Kinds of dtype that are numbers: bool, whole ones, floating ones."""


def to_numeric(value: Any, what: str) -> Array:
    """Return a value as an array of numbers. Raises ContractViolation, whose sentence begins with ``what``."""
    require(value is not None, f"{what} None, and an array is needed")
    try:
        values: Array = np.asarray(value)
    except ValueError:  # rows of different lengths
        raise ContractViolation(f"{what} rows of different lengths, and an array is needed") from None
    if values.dtype.kind not in NUMBERS:
        raise ContractViolation(f"{what} an array of {_content(values)}, and numbers are needed")
    return values


def check_prediction(value: Any, rows: int, row: tuple[int, ...] | None) -> Array:
    """Return a prediction as an array (rows, D); one number a row may come as (rows,). Raises ContractViolation.

    row  shape of one row of the target; None where no target is known, and any width is taken
    """
    values = to_numeric(value, "predicted")
    if row is None:
        fits = values.ndim > 1 and len(values) == rows
        wanted = f"({rows}, D)"
    else:
        width = math.prod(row)
        if width == 1 and values.shape == (rows,):
            return values.reshape(rows, 1)
        fits = values.shape in {(rows, width), (rows, *row)}
        wanted = str((rows, width))
    require(fits, f"predicted an array of shape {values.shape}, and {wanted} is needed")
    return values


def check_text(value: Any, rows: int) -> Array:
    """Return a prediction of a target that is text, (rows,) str. Raises ContractViolation."""
    values: Array = np.asarray(value)
    told = f"predicted an array of {_content(values)} of shape {values.shape}, and text ({rows},) is needed"
    require(values.dtype.kind == "U" and values.shape == (rows,), told)
    return values


def require_finite(values: Array, samples: Samples, help: str = "") -> None:
    """Raise ContractViolation naming the first sample, by its id, with a number that is no finite one of float32.

    Where one of its features is, that is what is wrong with it.
    """
    if values.dtype.kind != "f":
        return
    row = first_row(values, lambda part: ~fits_float32(part).reshape(len(part), -1).all(axis=1))
    if row is not None:
        numbers = np.ravel(values[row])
        told = f"predicted {numbers[~fits_float32(numbers)][0]} for sample {samples.ids[row]}"
        for name, feature in samples.features.items():
            if feature.dtype.kind == "f" and not np.isfinite(feature[row]).all():
                help = "Fill it in where the data is read, or take a model that reads NaN, as those of trees do."
                raise ContractViolation(f"{told}, whose feature '{name}' is not finite either", help)
        raise ContractViolation(f"{told}; predictions must be finite in float32", help)


def to_number(value: Any, what: str) -> float:
    """Return one number of any library as a float, nan and infinities too. Raises ContractViolation."""
    shape = getattr(value, "shape", ())
    if isinstance(shape, tuple) and len(shape):
        raise ContractViolation(f"{what} an array of shape {tuple(shape)}, and one number is needed")
    item = value.item() if hasattr(value, "item") else value
    require(isinstance(item, (int, float)), f"{what} a {type(value).__name__}, and one number is needed")
    return float(item)


def to_numbers(value: Any, what: str, needed: Sequence[str] = ()) -> dict[str, float]:
    """Return numbers by name as floats, with those that are needed among them. Raises ContractViolation."""
    require(isinstance(value, Mapping), f"{what} a {type(value).__name__}, and numbers by name are needed")
    for name in needed:
        require(name in value, f"{what} no '{name}' but {', '.join(map(str, value)) or 'nothing'}")
    return {str(name): to_number(each, f"{what} as '{name}'") for name, each in value.items()}


def check_scores(value: Any, rows: int) -> Array:
    """Return a filter's scores as (rows,) float32. Raises ContractViolation."""
    values = to_numeric(value, "scored")
    require(values.shape == (rows,), f"scored an array of shape {values.shape}, and ({rows},) is needed")
    values = values.astype(np.float32, copy=False)
    if (bad := np.flatnonzero(~np.isfinite(values))).size:
        raise ContractViolation(f"scored row {bad[0]:,} with {values[bad[0]]}; scores must be finite")
    return values


PART = r"(?!\.)[^\x00-\x1f\x7f/\\*?\[\]]+"
COLUMN = re.compile(f"{PART}(/{PART})*")
"""Names of columns: they name files, and stand in configs, where some letters are a pattern's."""


def check_columns(value: Any, rows: int) -> dict[str, Array]:
    """Return extracted columns by name: (rows,) or (rows, K) float32, or (rows,) text. Raises ContractViolation."""
    told = f"extracted a {type(value).__name__}, and arrays by name are needed"
    require(isinstance(value, Mapping), told)
    require("" not in value or len(value) == 1, "extracted a column without a name beside others")
    columns = {}
    for name, column in value.items():
        named = isinstance(name, str) and (name == "" or COLUMN.fullmatch(name))
        require(named, f"extracted a column {name!r}, which is no name: it names a file, and is no pattern")
        what = f"extracted the column '{name}' as" if name else "extracted"
        if not (isinstance(column, np.ndarray) and column.dtype.kind == "U"):
            column = to_numeric(column, what).astype(np.float32, copy=False)
        dims = (1,) if column.dtype.kind == "U" else (1, 2)
        wanted = f"({rows},)" if len(dims) == 1 else f"({rows},) or ({rows}, K)"
        fits = column.ndim in dims and len(column) == rows
        require(fits, f"{what} an array of shape {column.shape}, and {wanted} is needed")
        columns[name] = column
    require(columns, "extracted no column")
    return columns


def check_mask(value: Any, rows: int) -> Array:
    """Return what a filter keeps, (rows,) bool. Raises ContractViolation; row numbers are no mask."""
    values: Array = np.asarray(value)
    told = f"keeps by an array of {_content(values)} of shape {values.shape}, and bool ({rows},) is needed"
    require(values.dtype == bool and values.shape == (rows,), told)
    return values


def check_curve(value: Any) -> list[dict[str, float]]:
    """Return a model's curve, numbers by name for each validated epoch. Raises ContractViolation."""
    told = f"has a {type(value).__name__} for its curve, and a list of numbers by name is needed"
    require(isinstance(value, Sequence) and not isinstance(value, str), told)
    return [to_numbers(row, "has in its curve") for row in value]


def to_json(value: Any, what: str) -> dict[str, Any]:
    """Return a mapping as it will be read back from JSON. Raises ContractViolation where JSON cannot keep it."""
    require(isinstance(value, Mapping), f"{what} a {type(value).__name__}, and a mapping is needed")
    try:
        return dict(json.loads(json.dumps(dict(value))))
    except (TypeError, ValueError) as error:
        raise ContractViolation(f"{what} what JSON cannot keep ({error})") from None


def row_blocks(values: Array) -> Iterator[slice]:
    """Slices of rows of some MB, to look at an array that is mapped from disk part by part."""
    rows = max(1, BLOCK // max(1, math.prod(values.shape[1:])))
    return (slice(start, start + rows) for start in range(0, len(values), rows))


def first_row(values: Array, is_wrong: Callable[[Array], Any]) -> int | None:
    """Return the first row of which ``is_wrong`` holds, None without one; some MB of rows are looked at together."""
    for rows in row_blocks(values):
        if (wrong := is_wrong(values[rows])).any():
            return int(rows.start + wrong.argmax())
    return None


def _content(values: Array) -> str:
    """What an array holds, in words."""
    if values.dtype.kind == "O":
        return f"objects ({type(values.flat[0]).__name__})" if values.size else "objects"
    return {"U": "text", "S": "bytes", "M": "times", "b": "bool"}.get(values.dtype.kind, str(values.dtype))
