"""The toy competition's metrics."""

from __future__ import annotations

import numpy as np

from ctk.contract import Metric
from ctk.samples import Array, Samples


def mean_squared_error(prediction: Array, samples: Samples) -> float:
    """Mean over rows and columns."""
    return float(np.square(prediction - samples.target_values()).mean())


def accuracy(prediction: Array, samples: Samples) -> float:
    """Share of rows whose largest number stands where the target has its one."""
    return float((prediction.argmax(1) == samples.target_values().argmax(1)).mean())


def mean_reciprocal_rank(prediction: Array, samples: Samples) -> float:
    """By distance from the gallery's vectors; equal distances count against."""
    assert samples.gallery is not None
    assert samples.target is not None
    apart = np.square(prediction[:, None].astype(np.float64) - samples.gallery.vectors).sum(-1)
    own = apart[np.arange(len(apart)), samples.target]
    return float((1 / (apart <= own[:, None]).sum(1)).mean())


MSE = Metric("toy-mse", "min", mean_squared_error, climb="mse")
ACCURACY = Metric("toy-accuracy", "max", accuracy)
MRR = Metric("toy-mrr", "max", mean_reciprocal_rank)
