"""What a metric is given, as arrays that it can count on, or a sentence that says what is wrong with it."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from ctk.errors import NoScore, UsageError
from ctk.samples import Array, Samples

Form = Literal["binary", "columns", "classes", "ordinal"]
"""One column of zeros and ones; several such; several of which each row has a single one; one of whole numbers."""


class Pair(NamedTuple):
    """Predictions and targets, (N, T) float64, finite, of one shape and at least one row."""

    prediction: Array
    target: Array


def checked(prediction: Any, samples: Samples, name: str) -> Pair:
    """Look at what the metric of that name is to score. Raises UsageError for other shapes, text, NaN and no rows."""
    if samples.target is None:
        raise UsageError(f"{name}: these rows have no target.", "Score rows whose target is known.")
    return check_pair(prediction, samples.target_values(), name)


def check_pair(prediction: Any, target: Any, name: str) -> Pair:
    """Look at a prediction and a target (N,) or (N, T) of one shape, as ``checked`` does."""
    found, known = np.asarray(prediction), np.asarray(target)
    if found.shape != known.shape and found.size == known.size and len(found) == len(known):
        found = found.reshape(known.shape)
    if found.shape != known.shape or found.ndim not in (1, 2):
        problem = f"{name}: predictions are of shape {found.shape}, and the target of {known.shape}."
        raise UsageError(problem, "A number for each of the target's columns is needed.")
    if not found.size:
        raise UsageError(f"{name}: there are no rows to score.")
    for what, values in (("prediction", found), ("target", known)):
        if values.dtype.kind not in "fiub":
            raise UsageError(f"{name}: the {what} holds {values.dtype}, and numbers are needed.")
        wrong = ~np.isfinite(values)
        if wrong.any():
            row = int(np.argwhere(wrong)[0][0])
            raise UsageError(
                f"{name}: the {what} of row {row:,} is {values[row].tolist()}, and a finite number is needed.",
                "Fill what is missing before it is scored.",
            )
    rows = len(found)
    return Pair(found.reshape(rows, -1).astype(np.float64), known.reshape(rows, -1).astype(np.float64))


def refuse_rows(wrong: Array, name: str, needs: str, what: str, values: Array, help: str) -> None:
    """Raise NoScore that names the first row (N, T) which is wrong, and the value it has; nothing where none is."""
    if wrong.any():
        row, column = np.argwhere(wrong)[0].tolist()
        raise NoScore(f"{name} needs {needs}, and the {what} of row {row:,} is {values[row, column]:g}.", help)


def form_of(target: Array, name: str) -> Form:
    """Tell what labels a target (N, T) has. Raises UsageError where these are none."""
    if ((target != np.floor(target)) | (target < 0)).any():
        row, column = np.argwhere((target != np.floor(target)) | (target < 0))[0].tolist()
        raise UsageError(
            f"{name} is of labels, and the target of row {row:,} is {target[row, column]:g}.",
            "Take a metric of numbers, such as rmse or mae.",
        )
    if target.shape[1] == 1:
        return "binary" if target.max() <= 1 else "ordinal"
    if target.max() > 1:
        raise UsageError(f"{name} is of zeros and ones in several columns, and the target has {target.max():g}.")
    return "classes" if (target.sum(axis=1) == 1).all() else "columns"
