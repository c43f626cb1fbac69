"""Out-of-fold predictions as ``ctk.blend`` searches them for weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ctk.components.blenders import scale_rows
from ctk.components.metrics import target_of
from ctk.contract import Metric
from ctk.samples import Array, Samples


def search_inputs(oof: Mapping[str, Array], samples: Samples, metric: Metric, normalise: bool) -> dict[str, Any]:
    """Make the arguments that every search takes: predictions, target, metric, its direction, columns' weights.

    A metric that ``ctk.blend`` does not know by name is called with each blend, as it would be with a member's.
    """
    predictions = scale_rows(oof, normalise)
    rows, *shape = predictions[0].shape
    flat = [each.reshape(rows, -1) for each in predictions]  # of (N, 2, 10) a column is one of twenty
    known = metric.climb is not None
    decided = None if metric.columns is None or not known else decided_weights(metric.columns(samples))
    return {
        "predictions": flat,
        "target": target_of(metric.climb, samples, flat[0]) if metric.climb else np.arange(rows),
        "metric": metric.climb
        or (lambda _, blend: metric.score_or_nan(blend.astype(np.float32).reshape(rows, *shape), samples)),
        "maximize": None if known else metric.direction == "max",
        "column_weights": None if decided is None else decided.tolist(),
    }


def decided_weights(decided: Array) -> Array:
    """(T,) 1 for columns that members decide, 0 for the others; where none is decided, all count."""
    return np.asarray(decided, np.float64) if np.any(decided) else np.ones(len(decided))
