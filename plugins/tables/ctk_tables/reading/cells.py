"""Cells as what they stand for: numbers, truth values, points in time, texts; NaN, NaT or "" where one is missing."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np

from ctk.samples import Array

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

TRUE = ("true", "t", "yes", "y", "on", "1", "1.0")
FALSE = ("false", "f", "no", "n", "off", "0", "0.0")
"""Truth values, in small letters; a pair is at the same place in both."""


def is_text(cells: pa.Array) -> bool:
    """Whether cells are text, and not numbers, truth values or times of a Parquet file."""
    from pyarrow import types

    return bool(types.is_string(cells.type) or types.is_large_string(cells.type))


def texts(cells: pa.Array, missing: Collection[str] = ()) -> pa.Array:
    """Text without blanks around it; null where it is empty or one of ``missing``."""
    import pyarrow as pa
    from pyarrow import compute

    trimmed = compute.utf8_trim_whitespace(cells if is_text(cells) else compute.cast(cells, pa.string()))
    none = compute.is_in(trimmed, value_set=pa.array(["", *missing], trimmed.type))
    return compute.if_else(none, pa.scalar(None, trimmed.type), trimmed)


def numbers(cells: pa.Array, decimal: str = ".", missing: Collection[str] = ()) -> tuple[Array, Array]:
    """Numbers (N,) float64, NaN where a cell is missing or none, and where it is none (N,) bool.

    Where all that stops cells from being numbers are marks of thousands (1,234.5), these are numbers too.
    """
    import pyarrow as pa
    from pyarrow import compute

    if not is_text(cells):
        values = compute.cast(cells, pa.float64(), safe=False).to_numpy(zero_copy_only=False).astype(np.float64)
        for mark in missing:
            values[values == float(mark)] = np.nan
        return values, np.zeros(len(values), bool)
    left = texts(cells, missing)
    if decimal == ",":
        left = compute.replace_substring(left, ",", ".")
    values, none = _parse(left)
    if none.any():
        mark = r"[. ]" if decimal == "," else ","
        grouped = r"^[-+]?[0-9]{1,3}(" + mark + r"[0-9]{3})+(\.[0-9]*)?$"
        if decimal == "," or compute.all(compute.match_substring_regex(left.filter(pa.array(none)), grouped)).as_py():
            pass
    return values, none


def truths(cells: pa.Array, missing: Collection[str] = ()) -> tuple[Array, Array]:
    """Truth values (N,) float32, 0 or 1, NaN where a cell is missing or none, and where it is none (N,) bool."""
    import pyarrow as pa
    from pyarrow import compute

    small = compute.utf8_lower(texts(cells, missing))
    one = compute.is_in(small, value_set=pa.array(TRUE, small.type)).to_numpy(zero_copy_only=False)
    zero = compute.is_in(small, value_set=pa.array(FALSE, small.type)).to_numpy(zero_copy_only=False)
    there = small.is_valid().to_numpy(zero_copy_only=False)
    values = np.where(one, 1, np.where(zero, 0, np.nan)).astype(np.float32)
    return values, there & ~one & ~zero


def times(cells: pa.Array, format: str, missing: Collection[str] = ()) -> tuple[pd.Series[Any], Array]:
    """Points in time as datetimes without a zone (UTC), NaT where a cell is missing or none; where it is none."""
    import pandas as pd

    if is_text(cells) or format == "%Y%m%d":
        left = texts(cells, missing).to_pandas()
        moments = pd.to_datetime(left, format=format, errors="coerce", utc=True, exact=True)
    else:
        left = cells.to_pandas()
        moments = pd.to_datetime(left, errors="coerce", utc=True)
    moments = pd.Series(moments).dt.tz_localize(None)
    return moments, (moments.isna() & left.notna()).to_numpy(bool)


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
    return np.asarray(values, np.float64), there & np.isnan(values)
