"""Features that are NaN or infinite, told before a model is fitted that cannot read them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ctk.contract import Model
from ctk.data import rows_not_finite
from ctk.errors import DataError
from ctk.samples import Array, Samples


def check_features(model: Model, member: str, parts: Mapping[str, Samples]) -> None:
    """Raise DataError for the first feature with a number that a model cannot read, in parts of the samples by name.

    The first part is what it will learn from.
    """
    if model.reads_nan:
        return
    for part, samples in parts.items():
        bad = {name: rows for name, values in samples.features.items() if len(rows := _bad_rows(values))}
        read = model.features_read(next(iter(parts.values()))) if bad else ()
        for name in (name for name in bad if name in read):
            raise DataError(
                f"Feature '{name}' is {_first(samples.features[name][bad[name][0]])} for {part} sample "
                f"{samples.ids[bad[name][0]]}, and NaN or infinite for {len(bad[name]):,} of {len(samples):,}; member "
                f"'{member}' cannot read that.",
                "Fill it in where the data is read, let the member read other features, or take a model that reads "
                "NaN, as those of trees do.",
            )


def _bad_rows(values: Array) -> Array:
    return rows_not_finite(values) if values.dtype.kind == "f" else np.empty(0, np.int64)


def _first(row: Array) -> str:
    numbers = np.ravel(row)
    at = int((~np.isfinite(numbers)).argmax())
    return f"{numbers[at]}" + (f" in column {at}" if len(numbers) > 1 else "")
