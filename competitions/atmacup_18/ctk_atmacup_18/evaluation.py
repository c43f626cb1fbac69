"""The numbers of a prediction: the deciding mean absolute error, and of which parts it is made."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ctk.samples import Array, Samples
from ctk_atmacup_18.columns import AXES, AXIS, HORIZONS

SIZES: Mapping[str, tuple[int, int]] = {"1-2": (1, 2), "3-6": (3, 6)}
"""Rows of a scene, as the published blend tells scenes apart."""


def evaluate(prediction: Array, samples: Samples) -> dict[str, float]:
    """Mean absolute errors in metres.

    prediction  (N, 18), as the target
    returns     "mae" of all, "mae_x" of an axis, "mae_0.5s" of a horizon, "mae_rows_1-2" of scenes with so many rows;
                nan where there are none
    """
    error = absolute_error(prediction, samples)
    by_axis = {f"mae_{axis}": error[:, axis == AXIS] for axis in AXES}
    by_horizon = {f"mae_{horizon}s": error[:, 3 * point : 3 * point + 3] for point, horizon in enumerate(HORIZONS)}
    rows = samples.groups.get("scene-rows")
    sizes = {}
    if rows is not None:
        sizes = {f"mae_rows_{name}": error[(rows >= low) & (rows <= high)] for name, (low, high) in SIZES.items()}
    parts = {"mae": error, **by_axis, **by_horizon, **sizes}
    return {name: float(part.mean()) if part.size else float("nan") for name, part in parts.items()}


def absolute_error(prediction: Array, samples: Samples) -> Array:
    """(N, 18) float64."""
    return np.abs(np.asarray(prediction, np.float64) - samples.target_values())
