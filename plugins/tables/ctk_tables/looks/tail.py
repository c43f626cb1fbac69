"""A target with a long tail under a metric of squared errors: a few rows decide the score."""

from __future__ import annotations

import numpy as np

from ctk.samples import Array
from ctk_tables.looks.sides import MOST_TARGETS, Sides
from ctk_tables.looks.warning import Warning

SQUARED = ("rmse", "mse", "r2")
LOGGED = ("rmsle", "msle")
"""Metrics of squared errors, of numbers and of their logarithms."""
TOP = 0.01
HELD = 0.25
"""Such a part of all squared deviations in the top rows is long: a normal has 0.09 there, an exponential 0.22."""
SKEWED = 2.0
FEWEST = 200
"""Rows; fewer have a top of a row or two."""


def long_tail(sides: Sides) -> list[Warning]:
    """Warn of targets of numbers whose largest hundredth of rows holds much of what squared errors can be."""
    metric = sides.description.metric.lower()
    if sides.description.task != "regression" or sides.train.target is None or metric not in (*SQUARED, *LOGGED):
        return []
    target = np.asarray(sides.train.target, np.float64)
    found = []
    for name, values in zip(sides.description.targets[:MOST_TARGETS], target.T, strict=False):
        known = values[np.isfinite(values)]
        on_logs = metric in LOGGED and known.min(initial=0) > -1
        seen = np.log1p(known) if on_logs else known
        if len(seen) < FEWEST or (held := held_by_top(seen)) < HELD or abs(skewness(seen)) < SKEWED:
            continue
        found.append(_warning(name, metric, known, held, skewness(seen), on_logs))
    return found


def held_by_top(values: Array) -> float:
    """Part of all squared deviations from the mean that the farthest hundredth of rows has."""
    squares = np.sort(np.square(values - values.mean()))
    total = float(squares.sum())
    return float(squares[-max(1, round(TOP * len(squares))) :].sum()) / total if total else 0.0


def skewness(values: Array) -> float:
    """Third standardised moment; 0 for constant values."""
    spread = float(values.std())
    return float(np.mean(((values - values.mean()) / spread) ** 3)) if spread else 0.0


def _warning(name: str, metric: str, values: Array, held: float, skew: float, on_logs: bool) -> Warning:
    if on_logs:
        help = "Look at those rows: even logarithms do not tame them, so clip or model them apart."
    elif values.min() >= 0:
        help = "Add members that learn its logarithm (`log: true` of linear and table-mlp), and look at those rows."
    else:
        help = "Add members with a loss of absolute errors, and compare folds by these rows."
    return Warning(
        name="long-tail",
        sentence=(
            f"`{name}`{' in logarithms' if on_logs else ''} has a long tail (skewness {skew:.1f}, largest"
            f" {values.max():,.6g}, median {np.median(values):,.6g}): under {metric} 1% of rows hold {held:.0%} of all"
            f" squared deviations and decide the score. {help}"
        ),
        columns=(name,),
        numbers={"held_by_top": round(held, 4), "skewness": round(skew, 3)},
    )
