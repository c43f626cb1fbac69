"""Metrics of an order: of a row's columns for each row, or, as areas are, of the rows."""

from __future__ import annotations

import numpy as np

from ctk.errors import NoScore, UsageError
from ctk.samples import Array, Samples
from ctk_tables.metrics.checked import Pair, checked, form_of


def rank(values: Array) -> Array:
    """Ranks (N, T) from 1 of the numbers of each column, equal ones by their mean."""
    ranks = np.empty(values.shape)
    for column, each in enumerate(values.T):
        order = np.argsort(each, kind="stable")
        first = np.flatnonzero(np.concatenate([[True], each[order][1:] != each[order][:-1]]))
        counts = np.diff(np.append(first, len(each)))
        ranks[order, column] = np.repeat(first + (counts + 1) / 2, counts)
    return ranks


def areas(found: Array, target: Array) -> Array:
    """Areas (T,) under the ROC curves of columns (N, T), ties half (Mann and Whitney 1947).

    Columns are of zeros and ones; NaN where one has one of them only.
    """
    ones = (target != 0).sum(axis=0)
    pairs = ones * (len(target) - ones)
    above = (rank(found) * (target != 0)).sum(axis=0) - ones * (ones + 1) / 2
    each: Array = np.divide(above, pairs, out=np.full(len(ones), np.nan), where=pairs > 0)
    return each


def auc(prediction: Array, samples: Samples) -> float:
    """Area under the ROC curve; columns meaned. Raises NoScore where a column has one class only."""
    return _mean_area(prediction, samples, "auc")


def auc_ovr(prediction: Array, samples: Samples) -> float:
    """Mean over classes of the area of one against the rest (Fawcett 2006); classes that no row is of are left out."""
    found, target = _labelled(prediction, samples, "auc_ovr")
    each = areas(found, target)
    if np.isnan(each).all():
        raise _one_class("auc_ovr", target[:, 0])
    return float(np.nanmean(each))


def auc_ovo(prediction: Array, samples: Samples) -> float:
    """Mean over pairs of classes, both ways, of the area among their rows (Hand and Till 2001); as ``auc_ovr`` else."""
    found, target = _labelled(prediction, samples, "auc_ovo")
    if form_of(target, "auc_ovo") != "classes":
        raise UsageError("auc_ovo is of several classes, and each row needs one of them.", "Take auc.")
    there = np.flatnonzero(target.any(axis=0))
    if len(there) < 2:
        raise _one_class("auc_ovo", target[:, there[0]])
    counts = target[:, there].sum(axis=0)
    total = 0.0
    for place, column in enumerate(there):
        order = np.argsort(found[:, column], kind="stable")
        sorted_ = found[order, column]
        first = np.flatnonzero(np.concatenate([[True], sorted_[1:] != sorted_[:-1]]))
        tied = np.add.reduceat(target[order][:, there], first, axis=0)  # of each class, by level of the score
        below = np.cumsum(tied, axis=0) - tied / 2
        each = (tied[:, place] @ below) / (counts[place] * counts)
        total += each.sum() - each[place]
    return float(total / (len(there) * (len(there) - 1)))


def gini(prediction: Array, samples: Samples) -> float:
    """2 auc - 1 (Kaggle's Porto Seguro). Raises NoScore where a column has one class only."""
    return 2 * _mean_area(prediction, samples, "gini") - 1


def average_precision(prediction: Array, samples: Samples) -> float:
    """Mean over columns of precision by steps of recall, without interpolation, as scikit-learn has it.

    Classes that no row is of are left out; raises NoScore where none is left.
    """
    found, target = _labelled(prediction, samples, "average_precision")
    scores = []
    for each, label in zip(found.T, target.T, strict=True):
        if not label.any():
            continue
        order = np.argsort(-each, kind="stable")
        ends = np.flatnonzero(np.append(each[order][1:] != each[order][:-1], True))
        hits = np.cumsum(label[order])[ends]
        scores.append(float(np.diff(hits, prepend=0) @ (hits / (ends + 1)) / hits[-1]))
    if not scores:
        raise NoScore("average_precision is of rows of which some are 1, and here none is.", "Score more rows.")
    return float(np.mean(scores))


def map_at(prediction: Array, samples: Samples, *, k: int) -> float:
    """Mean average precision of a row's k largest columns, as Kaggle has it; of equal ones the first comes first.

    With one true class a row it is the mean of 1 / rank, 0 beyond k. With several it is the sum of the precisions at
    their ranks over as many as there are, at most k; a row without any counts 0 (ml_metrics' apk).
    """
    name = f"map@{k}"
    found, target = _several(prediction, samples, name)
    if form_of(target, name) == "classes":
        ranks = _rank_of_truth(found, target)
        return float(np.where(ranks <= k, 1 / ranks, 0).mean())
    hits = np.take_along_axis(target, np.argsort(-found, axis=1, kind="stable")[:, :k], axis=1) != 0
    precision = np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1)
    wanted = np.minimum(target.sum(axis=1), k)
    each = np.divide((precision * hits).sum(axis=1), wanted, out=np.zeros(len(found)), where=wanted > 0)
    return float(each.mean())


def top_k_accuracy(prediction: Array, samples: Samples, *, k: int) -> float:
    """Share of rows whose class is among the k largest columns; of equal ones the first comes first."""
    name = f"top_k_accuracy@{k}"
    found, target = _several(prediction, samples, name)
    if form_of(target, name) != "classes":
        raise UsageError(f"{name} is of several classes, and each row needs one of them.", "Take map@k.")
    return float((_rank_of_truth(found, target) <= k).mean())


def ndcg(prediction: Array, samples: Samples, *, k: int | None = None) -> float:
    """Normalised discounted cumulative gain of a row's columns, gains as they are, ties by their mean.

    Each row (N, T) is a query and its columns are what is ranked; a row without gains counts 0 (Järvelin and Kekäläinen
    2002, McSherry and Najork 2008 for ties, as scikit-learn's ndcg_score). Raises UsageError for gains below 0.
    """
    name = "ndcg" if k is None else f"ndcg@{k}"
    found, target = _several(prediction, samples, name)
    if (target < 0).any():
        raise UsageError(f"{name} needs gains of at least 0, and the target has {target.min():g}.", "Shift them.")
    discount = 1 / np.log2(np.arange(found.shape[1]) + 2)
    discount[found.shape[1] if k is None else k :] = 0
    best = -np.sort(-target, axis=1) @ discount
    order = np.argsort(-found, axis=1, kind="stable")
    ranked = np.take_along_axis(found, order, axis=1)
    fresh = np.concatenate([np.ones((len(ranked), 1), bool), ranked[:, 1:] != ranked[:, :-1]], axis=1).ravel()
    level = np.cumsum(fresh) - 1  # rows of equal numbers, each row's apart
    shared = np.bincount(level, np.tile(discount, len(ranked))) / np.bincount(level)
    gains = (np.take_along_axis(target, order, axis=1) * shared[level].reshape(ranked.shape)).sum(axis=1)
    return float(np.divide(gains, best, out=np.zeros(len(gains)), where=best > 0).mean())


def _mean_area(prediction: Array, samples: Samples, name: str) -> float:
    found, target = _labelled(prediction, samples, name)
    each = areas(found, target)
    if np.isnan(each).any():
        raise _one_class(name, target[:, int(np.isnan(each).argmax())])
    return float(each.mean())


def _rank_of_truth(found: Array, target: Array) -> Array:
    """Rank (N,) from 1 of the true class."""
    truth = target.argmax(axis=1)[:, None]
    own = np.take_along_axis(found, truth, axis=1)
    before = (found > own) | ((found == own) & (np.arange(found.shape[1]) < truth))
    ranks: Array = 1 + before.sum(axis=1)
    return ranks


def _labelled(prediction: Array, samples: Samples, name: str) -> Pair:
    """What is of zeros and ones, whatever its columns. Raises UsageError for other targets."""
    pair = checked(prediction, samples, name)
    if form_of(pair.target, name) == "ordinal":
        raise UsageError(f"{name} is of zeros and ones, and the target has {pair.target.max():g}.", "Take spearman.")
    return pair


def _several(prediction: Array, samples: Samples, name: str) -> Pair:
    pair = checked(prediction, samples, name)
    if pair.target.shape[1] < 2:
        raise UsageError(f"{name} ranks the columns of a row, and there is one.", "Take auc, or spearman.")
    return pair


def _one_class(name: str, label: Array) -> NoScore:
    return NoScore(f"{name} needs rows of both classes, and all of these are {label[0]:g}.", "Score more rows.")
