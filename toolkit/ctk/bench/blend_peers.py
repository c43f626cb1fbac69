"""Peers of ctk.blend.hill_climb, for predictions (M, N) or (M, N, T) and one target or T of them."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctk.bench.bench_case import Run

Floats = NDArray[Any]


def r2(target: Any, blend: Any) -> float:
    """Mean of columns' coefficients of determination."""
    target, blend = np.asarray(target), np.asarray(blend)
    left = np.square(target - blend).sum(0)
    return float(np.mean(1 - left / np.square(target - target.mean(0)).sum(0)))


def mae(target: Any, blend: Any) -> float:
    """Mean absolute error."""
    return float(np.abs(np.asarray(target) - np.asarray(blend)).mean())


METRICS: dict[str, Callable[[Any, Any], float]] = {"r2": r2, "mae": mae}
SIGN = {"r2": 1, "mae": -1}
"""Of more is better."""


def least_squares(predictions: Floats, target: Floats) -> Floats:
    """Weights (M,) with sum one of the highest r2: of differences to the last member, in float64."""
    deviation = np.asarray(target, np.float64).std(0)
    last = predictions[-1] / deviation
    rows = np.stack([(each / deviation - last).ravel() for each in predictions[:-1]])
    weights = np.linalg.solve(rows @ rows.T, rows @ (target / deviation - last).ravel())
    return np.append(weights, 1 - weights.sum())


def in_a_row(predictions: Floats, target: Floats) -> tuple[Floats, Floats]:
    """(M, N T) and (N T,): r2 of all columns in a row, each with mean 0 and deviation 1, is the mean of theirs."""
    deviation, mean = target.std(0), target.mean(0)
    predictions, target = ((each - mean) / deviation for each in (predictions, target))
    return predictions.reshape(len(predictions), -1), target.ravel()


def hillclimbers(predictions: Floats, target: Floats, metric: str, by: str) -> Run:
    """The package of that name, a target at a time; it gives the blend, not the weights.

    by  "scikit-learn" for the metric that its users give it, "numpy" for ours, which checks nothing and is quicker
    r2 of several targets has one weight a member: they come in a row.
    """
    import pandas as pd
    from hillclimbers import climb_hill
    from hillclimbers import partial as with_name
    from sklearn.metrics import mean_absolute_error, r2_score

    scorer = METRICS[metric] if by == "numpy" else {"r2": r2_score, "mae": mean_absolute_error}[metric]

    def climb(members: Floats, of: Floats) -> Floats:
        frame = pd.DataFrame(members.T, columns=[f"m{member}" for member in range(len(members))])
        with redirect_stdout(io.StringIO()):
            blend: Floats = climb_hill(
                train=pd.DataFrame({"target": of}),
                oof_pred_df=frame,
                test_pred_df=frame,
                target="target",
                objective="maximize" if SIGN[metric] > 0 else "minimize",
                eval_metric=with_name(scorer),
                negative_weights=True,
                precision=0.01,
                plot_hill=False,
            )
        return blend

    if metric == "r2" and target.ndim == 2:
        members, of_all = in_a_row(predictions, target)
        return lambda: climb(members, of_all).reshape(target.shape) * target.std(0) + target.mean(0)
    return partial(_each_target, climb, predictions, target)


def nelder_mead(predictions: Floats, target: Floats, metric: str) -> Run:
    """scipy's simplex from equal weights; weights are divided by their sum. mae: a target at a time."""

    def find(members: Floats, of: Floats) -> Floats:
        return _simplex(len(members), lambda weights: -SIGN[metric] * METRICS[metric](of, weights @ members))

    if metric == "r2":
        members, of_all = in_a_row(predictions, target) if target.ndim == 2 else (predictions, target)
        return lambda: find(members, of_all)
    return partial(_each_target, lambda members, of: find(members, of) @ members, predictions, target)


def nelder_mead_on_gram(predictions: Floats, target: Floats) -> Floats:
    """SciPy's Nelder-Mead for r2 after one pass: weights of sum one need only the Gram matrix of the errors."""
    members, of_all = in_a_row(predictions, target) if target.ndim == 2 else (predictions, target)
    errors = members - of_all
    gram = errors @ errors.T / len(of_all)
    return _simplex(len(members), lambda weights: float(weights @ gram @ weights))


def _simplex(members: int, loss: Callable[[Floats], float]) -> Floats:
    from scipy.optimize import minimize

    found = minimize(lambda x: loss(x / x.sum()), np.full(members, 1 / members), method="Nelder-Mead").x
    weights: Floats = found / found.sum()
    return weights


def autogluon(predictions: Floats, target: Floats, metric: str, steps: int) -> Run:
    """AutoGluon's greedy selection with equal votes; its default is 100 steps."""
    from autogluon.core.metrics import mean_absolute_error
    from autogluon.core.metrics import r2 as r2_scorer
    from autogluon.core.models.greedy_ensemble.ensemble_selection import EnsembleSelection

    logging.getLogger("autogluon").setLevel(logging.ERROR)
    scorer = {"r2": r2_scorer, "mae": mean_absolute_error}[metric]
    if target.ndim == 2:  # it knows one target
        predictions, target = in_a_row(predictions, target)

    def run() -> Floats:
        selection = EnsembleSelection(ensemble_size=steps, problem_type="regression", metric=scorer)
        weights: Floats = selection.fit(predictions=list(predictions), labels=target).weights_
        return weights

    return run


def _each_target(climb: Callable[[Floats, Floats], Floats], predictions: Floats, target: Floats) -> Floats:
    if target.ndim == 1:
        return climb(predictions, target)
    columns = range(target.shape[1])
    return np.stack([climb(predictions[:, :, column].copy(), target[:, column].copy()) for column in columns], axis=1)
