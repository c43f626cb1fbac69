"""Cells as what they stand for: numbers, truth values, points in time, texts; NaN, NaT or "" where one is missing."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np

from ctk.samples import Array

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

NO_NUMBERS = (
    *("NA", "N/A", "n/a", "na", "NaN", "nan", "NAN", "-nan", "NULL", "Null", "null", "None", "none", "#N/A", "<NA>"),
    *("?", "-", "--", ".", "..", "missing", "Missing", "unknown", "Unknown", "inf", "-inf", "Inf", "-Inf", "Infinity"),
)
"""Texts that stand for no number."""
NO_WORDS = ("NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "#N/A", "<NA>", "?")
"""Texts that stand for no category; None, - and unknown may be one."""
TRUTHS = {"1": "0", "1.0": "0.0", "true": "false", "t": "f", "yes": "no", "y": "n", "on": "off"}
"""What is true and what is false, in small letters."""
LARGEST = float(np.finfo(np.float32).max)


def is_text(cells: pa.Array) -> bool:
    """Whether cells are text, and not numbers, truth values or times of a Parquet file."""
    from pyarrow import types

    return bool(types.is_string(cells.type))


def as_text(cells: pa.Array) -> pa.Array:
    """Cells as text, "" where one is missing."""
    import pyarrow as pa
    from pyarrow import compute

    return cells if is_text(cells) else compute.cast(cells, pa.string()).fill_null("")


def texts(cells: pa.Array, missing: Collection[str] = ()) -> pa.Array:
    """Text without blanks around it; null where it is empty or one of ``missing``."""
    import pyarrow as pa
    from pyarrow import compute

    trimmed = compute.utf8_trim_whitespace(cells if is_text(cells) else compute.cast(cells, pa.string()))
    none = compute.is_in(trimmed, value_set=pa.array(["", *missing], trimmed.type))
    return compute.if_else(none, pa.scalar(None, trimmed.type), trimmed)


def whole_number(text: str) -> str:
    """Write a whole number without the fraction that a column of floats gives it."""
    head, point, tail = text.partition(".")
    return head if point and head.lstrip("+-").isdigit() and not tail.strip("0") else text


def plain_texts(cells: pa.Array, missing: Collection[str] = ()) -> Array:
    """(N,) str of cells, "" where one is missing."""
    left = texts(cells, missing).fill_null("")
    return left.to_numpy(zero_copy_only=False).astype(str) if len(left) else np.empty(0, "U1")


def numbers(cells: pa.Array, decimal: str = ".", missing: Collection[str] = ()) -> tuple[Array, Array]:
    """Numbers (N,) float64, NaN where a cell is missing or none; and where it is none (N,) bool.

    What float32 cannot hold is none. Cells are numbers too where all that is wrong with them are marks of thousands:
    1,234.5, or with a decimal comma 1.234,5.
    """
    import pyarrow as pa
    from pyarrow import compute

    quick = None if missing else _quick(cells)
    if quick is not None:
        values, none = quick, np.isnan(quick)
    elif is_text(cells):
        left = texts(cells, missing)
        pointed = compute.replace_substring(left, ",", ".") if decimal == "," else left
        values, none = _parse(pointed)
        if none.any():
            mark, point = (r"[. ']", ",") if decimal == "," else (r"[, ']", r"\.")
            grouped = rf"^[-+]?[0-9]{{1,3}}({mark}[0-9]{{3}})+({point}[0-9]*)?$"
            odd = left.filter(pa.array(none))
            if compute.all(compute.match_substring_regex(odd, grouped)).as_py():
                bare = compute.replace_substring_regex(left, mark if decimal == "." else r"[. ']", "")
                values, none = _parse(compute.replace_substring(bare, ",", "."))
    else:
        values = compute.cast(cells, pa.float64(), safe=False).to_numpy(zero_copy_only=False).astype(np.float64)
        none = np.zeros(len(values), bool)
        marks = [float(mark) for mark in missing if _parse(pa.array([mark]))[1].sum() == 0]
        values = np.where(np.isin(values, marks), np.nan, values)
    with np.errstate(invalid="ignore"):
        large = np.abs(values) > LARGEST
    return np.where(large, np.nan, values), none | large


def truths(cells: pa.Array, missing: Collection[str] = ()) -> tuple[Array, Array]:
    """Truth values (N,) float32, 0 or 1, NaN where a cell is missing or none; and where it is none (N,) bool."""
    import pyarrow as pa
    from pyarrow import compute

    small = compute.utf8_lower(texts(cells, missing))
    one = compute.is_in(small, value_set=pa.array([*TRUTHS], small.type)).to_numpy(zero_copy_only=False)
    zero = compute.is_in(small, value_set=pa.array([*TRUTHS.values()], small.type)).to_numpy(zero_copy_only=False)
    there = small.is_valid().to_numpy(zero_copy_only=False)
    values = np.where(one, 1, np.where(zero, 0, np.nan)).astype(np.float32)
    return values, there & ~one & ~zero


def times(cells: pa.Array, format: str, missing: Collection[str] = ()) -> tuple[pd.Series[Any], Array]:
    """Points in time without a zone (in UTC), NaT where a cell is missing or none; and where it is none (N,) bool."""
    import pandas as pd

    left = texts(cells, missing).to_pandas() if format else cells.to_pandas()
    moments = pd.to_datetime(left, format=format or None, errors="coerce", utc=True)
    return moments.dt.tz_localize(None), (moments.isna() & left.notna()).to_numpy(bool)


def _quick(cells: pa.Array) -> Array | None:
    """Numbers of text where each cell is one and has no blanks around it, as nearly all have; else None."""
    import pyarrow as pa
    from pyarrow import compute

    if not is_text(cells):
        return None
    try:
        return np.asarray(compute.cast(cells, pa.float64()).to_numpy(zero_copy_only=False))
    except pa.ArrowInvalid:
        return None


def _parse(left: pa.Array) -> tuple[Array, Array]:
    """Numbers of trimmed text with a point, and where text is none."""
    import pandas as pd
    import pyarrow as pa
    from pyarrow import compute

    try:
        values = compute.cast(left, pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        values = pd.to_numeric(left.to_pandas(), errors="coerce").to_numpy(np.float64, na_value=np.nan)
    there = left.is_valid().to_numpy(zero_copy_only=False)
    values = np.asarray(values, np.float64)
    return values, there & np.isnan(values)
