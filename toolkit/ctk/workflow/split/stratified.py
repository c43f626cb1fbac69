"""Folds of rows, or of whole groups, in which classes, or levels of a number, have alike shares."""

from __future__ import annotations

import warnings

import numpy as np

from ctk.contract import Split
from ctk.errors import UsageError, nearest
from ctk.samples import Array, Samples
from ctk.workflow.split.fold import Fold, folds_by_number

MOST_CLASSES = 20
"""Distinct values of a target that are taken as they are; a target with more is cut at its quantiles."""
LEVELS = 10
"""Parts of equal count that such a target is cut into."""


def stratified_folds(samples: Samples, split: Split) -> list[Fold]:
    """Draw folds by scikit-learn's StratifiedKFold of rows, or StratifiedGroupKFold of the groups ``by``.

    Each fold has its share of every stratum. Raises UsageError where there are fewer groups than folds, or nothing to
    stratify by.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    groups = None if split.by is None else np.asarray(samples.group(split.by))
    if groups is not None and (present := len(np.unique(groups))) < split.folds:
        raise UsageError(
            f"{split.folds} folds of {present} groups '{split.by}'.", "Set fewer: -o split.folds=2 (ctk cv: --folds 2)."
        )
    kinds = strata(samples, split)
    if (most := int(np.bincount(kinds).max())) < split.folds:
        raise UsageError(
            f"{split.folds} folds of strata that have {most} rows at most.",
            "Set fewer: -o split.folds=2 (ctk cv: --folds 2), or name another group with -o split.stratify.",
        )
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    drawn = kind(split.folds, shuffle=True, random_state=split.seed)
    of_row = np.empty(len(samples), dtype=np.int64)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)  # it is spread as far as it goes
        for fold, (_, valid) in enumerate(drawn.split(np.zeros(len(samples)), kinds, groups)):
            of_row[valid] = fold
    return folds_by_number(of_row, split.use)


def strata(samples: Samples, split: Split) -> Array:
    """Number the strata from 0, (N,) int64: those of the group ``stratify``, the target's classes, or its quantiles.

    Classes may be one-hot rows. Raises UsageError for any other target of several columns, and for one that points into
    a gallery: it has no shares to keep.
    """
    if split.stratify is not None:
        return _number_values(np.asarray(samples.group(split.stratify)))
    if (classes := _one_hot(samples)) is not None:
        return classes
    if samples.gallery is not None or samples.target is None or samples.target_width != 1:
        what = "points into a gallery" if samples.gallery is not None else f"has {samples.target_width} columns"
        raise UsageError(
            f"The target {what}; folds cannot be stratified by it.",
            f"Name a group to keep the shares of: -o split.stratify=NAME. {nearest('', samples.groups, 'groups')}",
        )
    target = np.asarray(samples.target).reshape(len(samples))
    if len(np.unique(target)) <= MOST_CLASSES or target.dtype.kind not in "iuf":
        return _number_values(target)
    inner = np.quantile(target, np.arange(1, LEVELS) / LEVELS)
    return _number_values(np.searchsorted(inner, target, side="right"))


def _one_hot(samples: Samples) -> Array | None:
    """Find the classes of a target whose rows are one-hot, (N,); None for others."""
    target = samples.target
    if target is None or target.ndim != 2 or target.shape[1] < 2 or not np.isin(target[:1], (0, 1)).all():
        return None
    rows = np.asarray(target)
    return rows.argmax(1) if np.isin(rows, (0, 1)).all() and (rows.sum(1) == 1).all() else None


def _number_values(values: Array) -> Array:
    numbers: Array = np.unique(values, return_inverse=True)[1].astype(np.int64)
    return numbers
