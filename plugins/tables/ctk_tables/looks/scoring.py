"""How well something is known from one column alone, and from many together: of rows that were not learned from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from ctk.samples import Array

ROWS = 6_000
"""At most so many rows are learned from and scored, drawn at random: enough for two digits, in seconds."""
CELLS = 500_000
"""Rows are fewer where more columns are scored one by one, so that rows times columns stay below this."""
FEWEST = 1_000
"""Rows that are taken however many columns there are."""
FOLDS = 2
TREES = 40
LEAF = 5
COARSE = 40
"""Rows of a leaf: few, to see what is exact; or a fortieth of all, which noise does not lead astray."""


@dataclass(frozen=True)
class Question:
    """Something to be known of rows.

    values  (N, K) float32: numbers in one column, or zeros and ones in a column a class
    ranked  whether they are numbers: then the score is R2 of ranks, else AUC, the mean over the columns
    name    for people: the target column
    """

    values: Array
    ranked: bool
    name: str

    @property
    def measure(self) -> str:
        """The score's name."""
        return "R2 of ranks" if self.ranked else "AUC"

    @property
    def chance(self) -> float:
        """The score of who knows nothing."""
        return 0.0 if self.ranked else 0.5

    def learned(self) -> Array:
        """Return what a tree fits, (N, K): ranks from 0 to 1 for numbers, so that a long tail does not decide."""
        return ranks(self.values[:, 0])[:, None] if self.ranked else self.values

    def score(self, prediction: Array) -> float:
        """Score a prediction (N, K) of ``learned``; rows with NaN are left out."""
        known = np.isfinite(prediction).all(axis=1)
        truth, prediction = self.learned()[known], prediction[known]
        if self.ranked:
            spread = float(np.square(truth - truth.mean()).sum()) if len(truth) else 0.0
            return 1 - float(np.square(truth - prediction).sum()) / spread if spread else self.chance
        areas = [auc(prediction[:, k], truth[:, k] > 0.5) for k in range(truth.shape[1])]
        return float(np.mean([area for area in areas if np.isfinite(area)] or [self.chance]))


def ranks(values: Array) -> Array:
    """Ranks (N,) float32 of numbers, from 0 to 1; equal ones share their mean rank."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (((last - (counts - 1) / 2 - 1) / max(1, len(values) - 1))[place]).astype(np.float32)


def auc(prediction: Array, positive: Array) -> float:
    """Area under the ROC curve, ties counted half; NaN where one side is empty (Hanley and McNeil 1982)."""
    _, place = np.unique(prediction, return_inverse=True)
    of_positive = np.bincount(place, weights=positive)
    of_negative = np.bincount(place, weights=~positive)
    below = np.cumsum(of_negative) - of_negative
    pairs = of_positive.sum() * of_negative.sum()
    return float((of_positive * (below + of_negative / 2)).sum() / pairs) if pairs else float("nan")


def auc_noise(positives: float, negatives: float) -> float:
    """Standard deviation of the AUC of a prediction that knows nothing."""
    return float(np.sqrt((positives + negatives + 1) / (12 * max(1.0, positives * negatives))))


def scored_alone(values: Array, questions: list[Question], seed: int) -> list[float]:
    """Score each question by one column (N,), out of fold: by the better of two trees, or by the mean of a level."""
    fitted = np.concatenate([question.learned() for question in questions], axis=1)
    fold = np.random.default_rng(seed).permutation(len(values)) % FOLDS
    if values.dtype.kind == "U":
        levels = pd.factorize(values.astype(object))[0]
        return _by_question(questions, _out_of_fold(levels, fitted, fold, _by_level))
    fine, coarse = (
        _by_question(questions, _out_of_fold(values, fitted, fold, partial(_by_tree, leaf=leaf)))
        for leaf in (LEAF, max(LEAF, len(values) // COARSE))
    )
    return [max(pair) for pair in zip(fine, coarse, strict=True)]


def _out_of_fold(values: Array, fitted: Array, fold: Array, learn: Callable[[Array, Array, Array], Array]) -> Array:
    prediction = np.empty_like(fitted)
    for each in range(FOLDS):
        of, asked = fold != each, fold == each
        prediction[asked] = learn(values[of], fitted[of], values[asked])
    return prediction


def _by_question(questions: list[Question], prediction: Array) -> list[float]:
    ends = np.cumsum([question.values.shape[1] for question in questions])[:-1]
    return [question.score(part) for question, part in zip(questions, np.split(prediction, ends, axis=1), strict=True)]


def scored_together(matrix: Array, questions: list[Question], seed: int) -> list[float]:
    """Score each question by a random forest on all columns of a matrix (N, F), NaN missing, out of bag."""
    from sklearn.ensemble import RandomForestRegressor

    fitted = np.concatenate([question.learned() for question in questions], axis=1)
    if not matrix.shape[1]:
        return [question.chance for question in questions]
    forest = RandomForestRegressor(
        TREES, min_samples_leaf=LEAF, max_features=min(1.0, max(0.25, 3 / matrix.shape[1])), max_samples=0.5,
        oob_score=_no_score, random_state=seed, n_jobs=1,
    )  # fmt: skip
    forest.fit(matrix, fitted if fitted.shape[1] > 1 else fitted[:, 0])
    return _by_question(questions, forest.oob_prediction_.reshape(fitted.shape))


def coded(values: Array) -> Array:
    """Make numbers (N,) float32 of a column: as they are, or of texts the place of the level by how often it is.

    Levels that are as often as each other are in the order of their texts: that of the rows would tell sides apart.
    """
    if values.dtype.kind != "U":
        return np.asarray(values, np.float32)
    place, levels = pd.factorize(values.astype(object), sort=True)
    order = np.empty(len(levels), np.float32)
    order[np.argsort(-np.bincount(place), kind="stable")] = np.arange(len(levels))
    order[np.asarray(levels) == ""] = np.nan
    return order[place]


def drawn(rows: int, most: int, seed: int) -> Array:
    """Draw at most so many row numbers of so many rows, in their order."""
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def _by_tree(values: Array, fitted: Array, asked: Array, leaf: int) -> Array:
    from sklearn.tree import DecisionTreeRegressor

    tree = DecisionTreeRegressor(max_depth=10, min_samples_leaf=leaf, random_state=0)
    tree.fit(values[:, None], fitted)
    return np.asarray(tree.predict(asked[:, None]), np.float32).reshape(len(asked), -1)


def _by_level(levels: Array, fitted: Array, asked: Array) -> Array:
    """Mean of a level's rows, and of all for a level without rows."""
    size = int(max(levels.max(initial=0), asked.max(initial=0))) + 1
    counts = np.bincount(levels, minlength=size)
    sums = np.stack([np.bincount(levels, weights=column, minlength=size) for column in fitted.T], axis=1)
    means = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], fitted.mean(axis=0))
    return means[asked].astype(np.float32)


def _no_score(truth: Array, prediction: Array) -> float:
    """The forest wants a function beside its out-of-bag predictions, which alone are used here."""
    return 0.0
