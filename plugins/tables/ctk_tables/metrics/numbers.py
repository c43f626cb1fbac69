"""Metrics of numbers: each ``f(prediction, samples)`` of (N, T) numbers is the mean of its columns' scores.

Names and formulas are scikit-learn's (its user guide, "Regression metrics") unless a docstring says otherwise.
"""

from __future__ import annotations

import numpy as np

from ctk.errors import NoScore
from ctk.samples import Array, Samples
from ctk_tables.metrics.checked import Pair, checked, refuse_rows
from ctk_tables.metrics.ranking import rank


def mse(prediction: Array, samples: Samples) -> float:
    """Mean squared error."""
    found, target = checked(prediction, samples, "mse")
    return float(np.square(found - target).mean())


def rmse(prediction: Array, samples: Samples) -> float:
    """Root of the mean squared error."""
    return _root_mean_square(*checked(prediction, samples, "rmse"))


def mae(prediction: Array, samples: Samples) -> float:
    """Mean absolute error."""
    found, target = checked(prediction, samples, "mae")
    return float(np.abs(found - target).mean())


def r2(prediction: Array, samples: Samples) -> float:
    """1 - squared error over the target's squares about its mean; of a constant target 1 if it is met, else 0."""
    found, target = checked(prediction, samples, "r2")
    return _explained(
        np.square(found - target).sum(axis=0), np.square(target - target.mean(axis=0)).sum(axis=0), target
    )


def rmsle(prediction: Array, samples: Samples) -> float:
    """Root of the mean squared error of log(1 + y). Raises NoScore for numbers of -1 and below."""
    return _root_mean_square(*_logs(prediction, samples, "rmsle"))


def msle(prediction: Array, samples: Samples) -> float:
    """Mean squared error of log(1 + y). Raises NoScore for numbers of -1 and below."""
    found, target = _logs(prediction, samples, "msle")
    return float(np.square(found - target).mean())


def mape(prediction: Array, samples: Samples) -> float:
    """Mean absolute error in parts (not per cent) of the target, of at least a double's precision."""
    found, target = checked(prediction, samples, "mape")
    return float((np.abs(found - target) / np.maximum(np.abs(target), np.finfo(np.float64).eps)).mean())


def smape(prediction: Array, samples: Samples) -> float:
    """Mean of 2 |y - x| / (|y| + |x|), 0 where both are 0, from 0 to 2 (Makridakis 1993, "Accuracy measures")."""
    found, target = checked(prediction, samples, "smape")
    sizes = np.abs(found) + np.abs(target)
    errors = 2 * np.abs(found - target)
    return float(np.divide(errors, sizes, out=np.zeros(errors.shape), where=sizes > 0).mean())


def wape(prediction: Array, samples: Samples) -> float:
    """Sum of absolute errors over the sum of the targets' sizes, all columns together (Kolassa and Schuetz 2007)."""
    found, target = checked(prediction, samples, "wape")
    if not target.any():
        raise NoScore("wape is in parts of the target, and all of these rows' are 0.", "Take mae.")
    return float(np.abs(found - target).sum() / np.abs(target).sum())


def rmspe(prediction: Array, samples: Samples) -> float:
    """Root of the mean square of errors in parts of the target, rows of a target of 0 left out (Kaggle's Rossmann)."""
    found, target = checked(prediction, samples, "rmspe")
    counted = target != 0
    if not counted.any(axis=0).all():
        raise NoScore("rmspe is in parts of the target, and all of these rows' are 0.", "Take rmse.")
    parts = np.divide(found - target, target, out=np.zeros(target.shape), where=counted)
    return float(np.sqrt(np.square(parts).sum(axis=0) / counted.sum(axis=0)).mean())


def medae(prediction: Array, samples: Samples) -> float:
    """Median absolute error."""
    found, target = checked(prediction, samples, "medae")
    return float(np.median(np.abs(found - target), axis=0).mean())


def max_error(prediction: Array, samples: Samples) -> float:
    """Largest absolute error."""
    found, target = checked(prediction, samples, "max_error")
    return float(np.abs(found - target).max(axis=0).mean())


def explained_variance(prediction: Array, samples: Samples) -> float:
    """1 - variance of the errors over the target's; of a constant target 1 if errors are alike, else 0."""
    found, target = checked(prediction, samples, "explained_variance")
    return _explained((target - found).var(axis=0), target.var(axis=0), target)


def d2_absolute_error(prediction: Array, samples: Samples) -> float:
    """1 - absolute error over that of the target's median; of a constant target 1 if it is met, else 0."""
    found, target = checked(prediction, samples, "d2_absolute_error")
    return _explained(
        np.abs(found - target).sum(axis=0), np.abs(target - np.median(target, axis=0)).sum(axis=0), target
    )


def pinball(prediction: Array, samples: Samples, *, level: float) -> float:
    """Pinball loss of a quantile: level (y - x) or (1 - level) (x - y), what is above 0 (Koenker and Bassett 1978)."""
    found, target = checked(prediction, samples, f"pinball@{level:g}")
    over = found - target
    return float(np.maximum((1 - level) * over, -level * over).mean())


def tweedie(prediction: Array, samples: Samples, *, power: float, name: str) -> float:
    """Mean Tweedie deviance of power 1 (Poisson), 2 (gamma) or between: twice what the likelihood lacks.

    Raises NoScore for predictions that are not above 0, and targets below 0 (gamma: 0).
    """
    x, y = checked(prediction, samples, name)
    refuse_rows(x <= 0, name, "predictions above 0", "prediction", x, "Train with a loss that keeps them so, or clip.")
    wrong = y <= 0 if power == 2 else y < 0
    refuse_rows(wrong, name, f"targets {'above' if power == 2 else 'of at least'} 0", "target", y, "Take rmse.")
    with np.errstate(divide="ignore", invalid="ignore"):
        if power == 1:
            deviance = np.where(y > 0, y * np.log(y / x), 0) - y + x
        elif power == 2:
            deviance = np.log(x / y) + y / x - 1
        else:
            deviance = (
                y ** (2 - power) / ((1 - power) * (2 - power))
                - y * x ** (1 - power) / (1 - power)
                + x ** (2 - power) / (2 - power)
            )
    return float(2 * deviance.mean())


def pearson(prediction: Array, samples: Samples) -> float:
    """Correlation of numbers; NaN for a constant prediction. Raises NoScore for a constant target."""
    return _correlation(*checked(prediction, samples, "pearson"), "pearson")


def spearman(prediction: Array, samples: Samples) -> float:
    """Correlation of ranks, ties by their mean (Spearman 1904); as ``pearson`` for what is constant."""
    found, target = checked(prediction, samples, "spearman")
    return _correlation(rank(found), rank(target), "spearman")


def normalized_gini(prediction: Array, samples: Samples) -> float:
    """Gini of targets in the predictions' order over that in their own (Kaggle's Liberty Mutual); ties by their mean.

    Gini here is twice the area between the diagonal and the Lorenz curve of targets, largest prediction first: a
    weighted sum of targets by rank, in which what does not depend on the order cancels.
    """
    found, target = checked(prediction, samples, "normalized_gini")
    if (target < 0).any() or (target == target[:1]).all(axis=0).any():
        raise NoScore("normalized_gini is of targets of at least 0 that are not all alike.", "Take spearman.")
    centred = target - target.mean(axis=0)
    own = (rank(target) * centred).sum(axis=0)
    return float(((rank(found) * centred).sum(axis=0) / own).mean())


def _root_mean_square(found: Array, target: Array) -> float:
    return float(np.sqrt(np.square(found - target).mean(axis=0)).mean())


def _logs(prediction: Array, samples: Samples, name: str) -> Pair:
    found, target = checked(prediction, samples, name)
    help = "Clip predictions at 0, or train on log(1 + y)."
    refuse_rows(found <= -1, name, "predictions above -1", "prediction", found, help)
    refuse_rows(target <= -1, name, "targets above -1", "target", target, "Take rmse.")
    return Pair(np.log1p(found), np.log1p(target))


def _explained(errors: Array, whole: Array, target: Array) -> float:
    """1 - errors over the whole, (T,) each; of a constant column 1 or 0, whatever rounding left of its spread."""
    some = (target != target[:1]).any(axis=0) & (whole > 0)
    parts = np.divide(errors, whole, out=(errors > 0).astype(np.float64), where=some)
    return float((1 - parts).mean())


def _correlation(found: Array, target: Array, name: str) -> float:
    if (target == target[:1]).all(axis=0).any():
        raise NoScore(f"{name} is of a target that varies, and these rows' is constant.", "Take rmse.")
    x, y = found - found.mean(axis=0), target - target.mean(axis=0)
    x[:, (found == found[:1]).all(axis=0)] = 0
    with np.errstate(invalid="ignore"):
        each = (x * y).sum(axis=0) / np.sqrt(np.square(x).sum(axis=0) * np.square(y).sum(axis=0))
    return float(each.mean())
