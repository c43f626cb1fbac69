"""Metrics of labels, each a function of a few counts: what an exact search over shares or thresholds needs of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class LabelCounts:
    """What a metric of labels needs to know of N rows; any number of such counts at once, in the leading axes.

    hits       (..., L) rows that are of a label and got it
    predicted  (..., L) rows that got it
    true       (..., L) rows that are of it; may lack the leading axes
    products   (...) sum over rows of the true label's number times the predicted one's
    rows       N
    several    whether a row has any number of labels, each a column of zeros and ones, and not just one of L
    """

    hits: Floats
    predicted: Floats
    true: Floats
    products: Floats
    rows: int
    several: bool = False

    @classmethod
    def of(cls, predicted: Labels, true: Labels, labels: int) -> LabelCounts:
        """Count labels (N,) of numbers below L, or columns (N, L) of zeros and ones."""
        if true.ndim == 2:
            hits, given, are = (_doubles((each != 0).sum(axis=0)) for each in (predicted * true, predicted, true))
            return cls(hits, given, are, np.zeros(()), len(true), several=True)
        table = np.bincount(true * labels + predicted, minlength=labels**2).reshape(labels, labels).astype(np.float64)
        number = np.arange(labels, dtype=np.float64)
        return cls(table.diagonal(), table.sum(axis=0), table.sum(axis=1), number @ table @ number, len(true))

    def columns(self) -> LabelCounts:
        """Each column's own counts of two labels, (..., L, 2)."""
        hits, predicted, true = np.broadcast_arrays(self.hits, self.predicted, self.true)
        return LabelCounts(
            np.stack([self.rows - predicted - true + hits, hits], -1),
            np.stack([self.rows - predicted, predicted], -1),
            np.stack([self.rows - true, true], -1),
            hits,
            self.rows,
        )


LabelScore = Callable[[LabelCounts], Floats]
"""A metric of labels: higher is better, (...) of counts (...)."""
Ratio = Callable[[Any, Any, Any], Floats]


def _doubles(counts: Any) -> Floats:
    return np.asarray(counts, np.float64)


def _divide(above: Any, below: Any) -> Floats:
    """0 where nothing is divided by: scikit-learn's zero_division."""
    above, below = np.broadcast_arrays(np.asarray(above, np.float64), below)
    return _doubles(np.divide(above, below, out=np.zeros(above.shape), where=below != 0))


def _f(beta: float) -> Ratio:
    """F of van Rijsbergen 1979, "Information retrieval": recall counts beta times as much as precision."""
    return lambda hits, given, are: _divide((1 + beta**2) * hits, beta**2 * are + given)


def _precision(hits: Any, given: Any, are: Any) -> Floats:
    return _divide(hits, given)


def _recall(hits: Any, given: Any, are: Any) -> Floats:
    return _divide(hits, are)


def _jaccard(hits: Any, given: Any, are: Any) -> Floats:
    return _divide(hits, given + are - hits)


def _of_ones(ratio: Ratio) -> LabelScore:
    """Of label 1 of two; of several columns the mean."""

    def score(counts: LabelCounts) -> Floats:
        each = ratio(counts.hits, counts.predicted, counts.true)
        if counts.several:
            return _doubles(each.mean(axis=-1))
        if each.shape[-1] != 2:
            raise ValueError(f"it is of two labels, and there are {each.shape[-1]}: take the macro one")
        return _doubles(each[..., 1])

    return score


def _macro(ratio: Ratio) -> LabelScore:
    """Mean over labels; one that no row is of and none got is left out."""

    def score(counts: LabelCounts) -> Floats:
        seen = (counts.predicted + counts.true > 0) | counts.several
        return _divide((ratio(counts.hits, counts.predicted, counts.true) * seen).sum(axis=-1), seen.sum(axis=-1))

    return score


def _micro(ratio: Ratio) -> LabelScore:
    """Of all labels' counts together."""
    return lambda counts: ratio(counts.hits.sum(axis=-1), counts.predicted.sum(axis=-1), counts.true.sum(axis=-1))


def _weighted(ratio: Ratio) -> LabelScore:
    """Mean over labels, each counting as many times as rows are of it."""

    def score(counts: LabelCounts) -> Floats:
        each = ratio(counts.hits, counts.predicted, counts.true) * counts.true
        return _divide(each.sum(axis=-1), counts.true.sum(axis=-1))

    return score


def _by_column(score: LabelScore) -> LabelScore:
    """A score of one label a row; of several columns their mean."""
    return lambda counts: _doubles(score(counts.columns()).mean(axis=-1)) if counts.several else score(counts)


def _right(counts: LabelCounts) -> Floats:
    return _divide(counts.hits.sum(axis=-1), counts.rows)


def _balanced(counts: LabelCounts) -> Floats:
    """Mean recall of the labels that rows are of (Brodersen et al. 2010, "The balanced accuracy and its posterior")."""
    there = counts.true > 0
    return _divide((_recall(counts.hits, counts.predicted, counts.true) * there).sum(axis=-1), there.sum(axis=-1))


def _mcc(counts: LabelCounts) -> Floats:
    """Matthews' correlation for any number of labels (Gorodkin 2004, "Comparing two K-category assignments")."""
    n = float(counts.rows)
    together = counts.hits.sum(axis=-1) * n - (counts.predicted * counts.true).sum(axis=-1)
    spreads = (n**2 - (counts.predicted**2).sum(axis=-1)) * (n**2 - (counts.true**2).sum(axis=-1))
    return _divide(together, np.sqrt(np.maximum(spreads, 0)))


def _kappa(counts: LabelCounts) -> Floats:
    """Cohen 1960, "A coefficient of agreement for nominal scales"; 0 where all rows have one and the same label."""
    n = float(counts.rows)
    chance = (counts.predicted * counts.true).sum(axis=-1) / n**2
    return _divide(counts.hits.sum(axis=-1) / n - chance, 1 - chance)


def _quadratic_kappa(counts: LabelCounts) -> Floats:
    """Cohen 1968, "Weighted kappa", by squared distances: twice the covariance over what chance would differ by.

    With moments in the place of the table of labels: 1 - E(t - p)^2 / E(t - p')^2, p' independent of t.
    """
    number = np.arange(counts.predicted.shape[-1], dtype=np.float64)
    n = float(counts.rows)
    true, given = counts.true @ number / n, counts.predicted @ number / n
    squares = (counts.true @ number**2 + counts.predicted @ number**2) / n
    return _divide(2 * (counts.products / n - true * given), squares - 2 * true * given)


def _averaged(name: str, ratio: Ratio) -> dict[str, LabelScore]:
    return {
        name: _of_ones(ratio),
        f"{name}_macro": _macro(ratio),
        f"{name}_micro": _micro(ratio),
        f"{name}_weighted": _weighted(ratio),
    }


LABEL_SCORES: dict[str, LabelScore] = {
    "balanced_accuracy": _by_column(_balanced),
    **_averaged("f1", _f(1)),
    **_averaged("precision", _precision),
    **_averaged("recall", _recall),
    **_averaged("jaccard", _jaccard),
    "f0.5": _of_ones(_f(0.5)),
    "f2": _of_ones(_f(2)),
    "mcc": _by_column(_mcc),
    "cohen_kappa": _by_column(_kappa),
    "quadratic_kappa": _by_column(_quadratic_kappa),
    "accuracy": _by_column(_right),
}
"""Scores of labels by name, higher is better; of several columns the mean, where it is not of labels together."""


def labels_of(numbers: NDArray[Any], target: Labels) -> tuple[Labels, int]:
    """Make labels where no thresholds were fitted, and say how many there may be.

    numbers  (N, L) with a target (N,): the largest; (N, T) with (N, T): 1 above 0.5; (N,) with (N,): the nearest whole
             number of 0 .. the largest target, a half going down, which of zeros and ones is 1 above 0.5
    """
    if numbers.ndim > target.ndim:
        return numbers.argmax(axis=1), numbers.shape[1]
    if numbers.ndim == 2:
        return (numbers > 0.5).astype(np.int64), numbers.shape[1]
    labels = max(2, int(target.max()) + 1)
    return np.clip(np.ceil(numbers - 0.5), 0, labels - 1).astype(np.int64), labels


def score_labels(name: str, numbers: NDArray[Any], target: Labels) -> float:
    """Score the labels that ``labels_of`` makes, by a name of ``LABEL_SCORES``."""
    labels, count = labels_of(numbers, target)
    return float(LABEL_SCORES[name](LabelCounts.of(labels, target, count)))
