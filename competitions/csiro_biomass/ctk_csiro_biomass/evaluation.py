"""The numbers of a prediction: the R2 over all rows and targets, which decides, and the mean of the targets' own."""

from __future__ import annotations

import numpy as np

from ctk.contract import Metric
from ctk.samples import Array, Samples
from ctk_csiro_biomass.columns import TARGETS, WEIGHTS


def evaluate(prediction: Array, samples: Samples) -> dict[str, float]:
    """R2 without unit, errors in grams.

    prediction  (N, 5), as the target
    returns     "weighted-r2", which decides; "mean-r2", the mean of the targets' own R2 by the same weights, which an
                older page of the competition described; "rmse_TARGET" and "mae_TARGET"
    """
    predicted, target = np.asarray(prediction, np.float64), samples.target_values().astype(np.float64)
    error = predicted - target
    by_target = [r2(error[:, [column]], target[:, [column]], np.ones(1)) for column in range(len(TARGETS))]
    numbers = {
        "weighted-r2": r2(error, target, np.array(WEIGHTS)),
        "mean-r2": float(np.average(by_target, weights=WEIGHTS)),
    }
    numbers |= {f"rmse_{name}": float(np.sqrt((error[:, at] ** 2).mean())) for at, name in enumerate(TARGETS)}
    return numbers | {f"mae_{name}": float(np.abs(error[:, at]).mean()) for at, name in enumerate(TARGETS)}


def r2(error: Array, target: Array, weights: Array) -> float:
    """1 - sum w e^2 / sum w (y - m)^2 over all numbers of (N, T) errors and targets, m the weighted mean of all y.

    Source: the competition's page, https://www.kaggle.com/competitions/csiro-biomass/overview/evaluation. Of targets
    that do not vary it is 1 where there is no error, and else 0, as in scikit-learn.
    """
    mean = np.average(target.mean(axis=0), weights=weights)
    left, there = float((weights * error**2).sum()), float((weights * (target - mean) ** 2).sum())
    if there == 0:
        return float(left == 0)
    return 1 - left / there


def weighted_r2(prediction: Array, samples: Samples) -> float:
    """The deciding number alone."""
    target = samples.target_values().astype(np.float64)
    return r2(np.asarray(prediction, np.float64) - target, target, np.array(WEIGHTS))


WEIGHTED_R2 = Metric("weighted-r2", "max", weighted_r2)
