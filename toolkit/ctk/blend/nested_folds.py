"""What a blend is worth on rows that its weights have not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctk.blend.hill_climb import hill_climb
from ctk.blend.inputs import read
from ctk.blend.probabilities import as_scored
from ctk.blend.scores import Custom, find_metric, score
from ctk.blend.search import column_weights_of


@dataclass(frozen=True)
class CrossValidated:
    """An out-of-fold score of a blend.

    score        the metric of all rows' blends, each from weights that were found without the row's fold
    fold_scores  (folds,) the metric of each fold's rows; nan where it has none there, as auc of a single class
    weights      (folds, ...) as found without each fold: where they differ much, the blend is a matter of luck
    fold_of_row  (N,)
    """

    score: float
    fold_scores: NDArray[np.float64]
    weights: NDArray[np.float64]
    fold_of_row: NDArray[np.int64]


def cross_validated_score(
    predictions: Sequence[Any] | Any,
    target: Any,
    metric: str | Custom,
    *,
    folds: int = 5,
    split_groups: Sequence[Any] | None = None,
    seed: int = 0,
    **options: Any,
) -> CrossValidated:
    """Climb on the other folds, blend the held-out fold by those weights, and score what all folds give together.

    The score of ``hill_climb`` itself is of the rows that the weights were chosen on, and so too good. Predictions must
    be out of fold already: this guards against chance in choosing weights, not against members that know their rows.

    predictions, target, metric, options  as for ``hill_climb``
    folds         how many; rows fall to them at random by ``seed``
    split_groups  (N,) labels of rows that must stay in one fold
    memory        a copy of the predictions, less one fold of them
    raises        ValueError as hill_climb does, for fewer rows (or split groups) than folds, and where a group of rows
                  with weights of its own lies in one fold only
    """
    known = find_metric(metric, options.get("maximize"))
    data = read(predictions, target, known)
    fold_of_row = split_rows(data.rows, folds, split_groups, np.random.default_rng(seed))
    groups = None if options.get("groups") is None else np.asarray(options.pop("groups"))
    if groups is not None and groups.shape != (data.rows,):
        raise ValueError(f"groups is of shape {groups.shape} for {data.rows:,} rows: one label for each is needed")
    blended = np.zeros(data.members[0].shape)
    weights = []
    for fold in range(folds):
        inside, outside = np.flatnonzero(fold_of_row == fold), np.flatnonzero(fold_of_row != fold)
        rest = data.take(outside)
        if groups is not None:
            options["groups"] = groups[outside]
        blend = hill_climb(rest.members, rest.target, metric, seed=seed, **options)
        weights.append(blend.weights)
        held_out = [member[inside].astype(np.float64) for member in data.members]
        blended[inside] = blend.apply(held_out, None if groups is None else groups[inside])

    columns = column_weights_of(options.get("column_weights"), data.columns, known)
    eps = float(np.finfo(data.members[0].dtype).eps)

    def score_of(rows: Any) -> float:
        return score(known, data.target[rows], as_scored(known, blended[rows], data), columns, eps)

    return CrossValidated(
        score=score_of(slice(None)),
        fold_scores=np.array([score_of(fold_of_row == fold) for fold in range(folds)]),
        weights=np.stack(weights),
        fold_of_row=fold_of_row,
    )


def split_rows(
    rows: int, folds: int, groups: Sequence[Any] | NDArray[Any] | None, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Draw the fold of each row; groups stay whole and fall, largest first, to the fold that is smallest by then."""
    labels = np.arange(rows) if groups is None else np.asarray(groups)
    if labels.shape != (rows,):
        raise ValueError(f"split_groups is of shape {labels.shape} for {rows:,} rows: one label for each is needed")
    _, group_of_row, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    if not 2 <= folds <= len(sizes):
        raise ValueError(f"{folds} folds of {len(sizes):,} rows or groups: there must be 2, and no more than those")
    shuffled = generator.permutation(len(sizes))
    fold_of_group = np.empty(len(sizes), dtype=np.int64)
    if groups is None:
        fold_of_group[shuffled] = np.arange(rows) % folds
        return fold_of_group
    filled = np.zeros(folds, dtype=np.int64)
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        fold_of_group[group] = filled.argmin()
        filled[fold_of_group[group]] += sizes[group]
    return fold_of_group[group_of_row]
