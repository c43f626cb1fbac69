"""Numbers that are NaN, infinite or beyond float32, or none, told before anything is fitted that cannot read them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ctk.contract import Model
from ctk.data import features_lacking, fits_float32, rows_not_finite
from ctk.errors import DataError, UsageError
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
            told = _told(samples, samples.features[name], bad[name], part)
            raise DataError(
                f"Feature '{name}' is {told}; member '{member}' cannot read that.",
                "Fill it in where the data is read, let the member read other features, or take a model that reads "
                "NaN, as those of trees do.",
            )


def unknown_in_test(model: Model, train: Samples, test: Samples) -> list[str]:
    """Name the numbers and texts of a row that a model learns from, and that no test sample has."""
    lacking = features_lacking(test, train)
    return [name for name in lacking if name in model.features_read(train)] if lacking else []


def check_targets(parts: Mapping[str, Samples]) -> None:
    """Raise DataError for a target with a number that nothing can be learned from or scored by, in parts by name."""
    for part, samples in parts.items():
        if samples.target is not None and len(rows := _bad_rows(samples.target)):
            raise DataError(
                f"The target is {_told(samples, samples.target, rows, part)}; nothing can be learned from that, or "
                "scored by it.",
                "Leave such rows out where the data is read, or mend the file.",
            )


def check_kind(model: Model, member: str, samples: Samples) -> None:
    """Raise UsageError where a model that learns from numbers is given a target that is text."""
    if samples.predicts_text and not model.predicts_text:
        raise UsageError(
            f"Member '{member}' learns from numbers, and the target of these samples is text.",
            "Take a model that generates text: a network with a training_loss.",
        )


def _bad_rows(values: Array) -> Array:
    return rows_not_finite(values) if values.dtype.kind == "f" else np.empty(0, np.int64)


def _told(samples: Samples, values: Array, rows: Array, part: str) -> str:
    """The first of some rows whose numbers are not finite, and how many there are."""
    numbers = np.ravel(values[rows[0]])
    at = int((~fits_float32(numbers)).argmax())
    column = f" in column {at}" if len(numbers) > 1 else ""
    what = "NaN or infinite" if values.dtype.itemsize <= 4 else "NaN, infinite or beyond float32"
    return (
        f"{numbers[at]}{column} for {part} sample {samples.ids[rows[0]]}, and {what} for {len(rows):,} of "
        f"{len(samples):,}"
    )
