"""Blenders that solve for weights by least squares on out-of-fold predictions: stacked regressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from ctk.blend.nested_folds import split_rows
from ctk.blend.probabilities import are_probabilities
from ctk.blend.scores import ClimbMetric, find_metric
from ctk.components.blenders import scale_rows
from ctk.components.column_groups import ColumnGroups
from ctk.contract import Blend, Blender, Metric
from ctk.contract.blender import BLOCK
from ctk.errors import UsageError, nearest
from ctk.samples import Array, Samples

ALPHAS = tuple(np.logspace(-6, 1, 15).tolist())
"""Penalties that are tried, in parts of the members' mean square."""

Alpha = Annotated[float, Field(gt=0)]
Folds = Annotated[int, Field(ge=2)]
ColumnWeights = dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]]


@dataclass(frozen=True)
class Solution:
    """What weights are asked for.

    alphas      penalties to choose from; (0,) for none
    prior       (M,) what a penalty draws weights to
    positive    none below zero
    sum_to_one  all together one
    """

    alphas: Sequence[float]
    prior: Array
    positive: bool
    sum_to_one: bool

    def weights(self, moments: Array, alpha: float) -> Array:
        """Solve for weights (M,); ``moments`` (M + 1, M + 1) are sums of products of members, and last the target.

        |Zw - y|^2 + alpha s |w - prior|^2 is made least, s the members' mean square. Where weights are to sum to one,
        Zw - y is Ew for the members' errors E, and u = w t that makes |Eu|^2 + (sum u - 1)^2 least has the same w:
        for each w the best t leaves |Ew|^2 / (1 + |Ew|^2), which grows with |Ew|^2. All zero becomes all equal.
        """
        from scipy.optimize import nnls

        values, vectors = np.linalg.eigh(moments)
        root = np.sqrt(values.clip(0))[:, None] * vectors.T  # as the QR decomposition of all rows, but for a rotation
        z, y = root[:, :-1], root[:, -1:]
        members = len(self.prior)
        penalty = np.sqrt(alpha * np.square(z).sum() / members) * np.eye(members)
        drawn_to = penalty @ self.prior[:, None]
        if self.sum_to_one:
            rows = np.vstack([z - y, penalty - drawn_to])
            scale = np.sqrt(np.square(rows).sum() / members) or 1.0
            matrix = np.vstack([rows, np.full((1, members), scale)])
            goal = np.append(np.zeros(len(rows)), scale)
        else:
            matrix, goal = np.vstack([z, penalty]), np.vstack([y, drawn_to])[:, 0]
        found: Array = nnls(matrix, goal)[0] if self.positive else np.linalg.lstsq(matrix, goal)[0]
        if self.sum_to_one:
            found = found / found.sum()
        return found if found.any() else np.full(members, 1 / members)

    def choose(self, parts: Array) -> float:
        """Choose the penalty with the least squared error on rows that weights were not found on.

        parts  (P, M + 1, M + 1) the moments of each part of the rows
        """
        if len(self.alphas) == 1 or len(parts) == 1:
            return self.alphas[-1]
        whole = parts.sum(axis=0)
        errors = np.zeros(len(self.alphas))
        for own in parts:
            for number, alpha in enumerate(self.alphas):
                apart = np.append(self.weights(whole - own, alpha), -1.0)
                errors[number] += apart @ own @ apart
        return self.alphas[int(errors.argmin())]


class LeastSquares(Blender):
    """What blenders by least squares share: moments of rows, weights by column, a score on rows not learned from."""

    def __init__(
        self,
        weights: Literal["model", "group", "column"],
        normalise: bool | None,
        sum_to_one: bool | None,
        column_weights: ColumnWeights | None,
        folds: int,
        apart: str | None,
    ) -> None:
        self.by, self.normalise, self.sum_to_one = weights, normalise, sum_to_one
        self.column_weights, self.folds, self.apart = column_weights, folds, apart

    def solution(self, members: int, proper: bool) -> Solution:
        """Return what weights of so many members are asked for; ``proper`` where they predict probabilities."""
        raise NotImplementedError

    def check(self, keys: Sequence[str], samples: Samples, metric: Metric) -> None:
        """Raise UsageError where columns have no names to be told apart by, or the samples not the group ``apart``."""
        names = [] if samples.targets is None else samples.targets.names.tolist()
        if self.by != "model" and not names:
            raise UsageError(
                f"blend.weights is {self.by}, and the columns of these samples' target have no names.",
                "Take weights: model.",
            )
        for pattern in self.column_weights or ():
            if not any(fnmatchcase(name, pattern) for name in names):
                raise UsageError(
                    f"blend.column_weights: '{pattern}' is no column of the target.",
                    nearest(pattern, names, "columns") if names else "Leave column_weights out.",
                )
        if self.apart is not None:
            samples.group(self.apart)

    def fit(self, oof: Mapping[str, Array], samples: Samples, metric: Metric) -> Blend:
        """Solve on the out-of-fold predictions; the blend's score is the run's own metric.

        The trace has the score of blends by weights that were found without the rows they are scored on.
        """
        self.check(list(oof), samples, metric)
        normalise = samples.gallery is not None if self.normalise is None else self.normalise
        predictions = scale_rows(oof, normalise)
        flat = [each.reshape(len(each), -1) for each in predictions]
        target = _target_like(samples, flat[0], normalise)
        known = find_metric(metric.climb) if metric.climb else ClimbMetric(metric.name, True, metric.score)
        proper = metric.predicts == "probabilities" or are_probabilities(known, flat)
        solution = self.solution(len(flat), proper)
        groups = None if self.by == "model" or samples.targets is None else ColumnGroups.of(samples.targets, self.by)
        group_of_column = np.zeros(target.shape[1], np.int64) if groups is None else groups.group_of_column
        scales = self._scales(samples, metric, target)
        part_of_row = self._parts(samples)
        parts = _moments(flat, target, scales, group_of_column, part_of_row)

        def blend_of(weights: Array) -> Blend:
            """Make the blend of weights (G, M), the mean over columns beside them where there are several groups."""
            meaned = weights[group_of_column].mean(axis=0).tolist()
            blend = Blend(dict(zip(oof, meaned, strict=True)), normalise)
            if groups is None:
                return blend
            by_group = {key: own.tolist() for key, own in zip(oof, weights.T, strict=True)}
            return replace(
                blend, column_groups=groups.names, group_of_column=group_of_column.tolist(), by_group=by_group
            )

        decided = np.bincount(group_of_column, scales) > 0
        alphas = [solution.choose(own) if counts else 0.0 for own, counts in zip(parts, decided, strict=True)]

        def weights_of(moments: Array) -> Array:
            """Solve for the weights (G, M) of each group; one without a column that counts has the others' mean."""
            found = np.array([solution.weights(own, alpha) for own, alpha in zip(moments, alphas, strict=True)])
            found[~decided] = found[decided].mean(axis=0)
            return found

        whole = parts.sum(axis=1)
        blend = blend_of(weights_of(whole))
        score = metric.score(blend.apply(oof), samples)
        step = {"alpha": float(np.median(np.array(alphas)[decided]))} if max(solution.alphas) else {}
        if parts.shape[1] > 1:
            unseen = np.empty_like(blend.apply(oof))
            for number in range(parts.shape[1]):
                rows = np.flatnonzero(part_of_row == number)
                apart = blend_of(weights_of(whole - parts[:, number]))
                unseen[rows] = apart.apply({key: np.asarray(values)[rows] for key, values in oof.items()})
            step[f"{metric.name} by weights of other rows"] = metric.score(unseen, samples)
        return replace(blend, score=score, trace=[step | {metric.name: score}])

    def _parts(self, samples: Samples) -> Array:
        """Draw the rows, or the groups that are kept apart, into parts: the number of each row's, (N,) int64."""
        labels = None if self.apart is None else samples.group(self.apart)
        folds = min(self.folds, len(samples) if labels is None else len(np.unique(labels)))
        if folds < 2:
            return np.zeros(len(samples), np.int64)
        return split_rows(len(samples), folds, labels, np.random.default_rng(0))

    def _scales(self, samples: Samples, metric: Metric, target: Array) -> Array:
        """(T,) what each column's squared errors count.

        As the metric counts them where that is known, r2 by the column's own deviation; or as the config says.
        """
        scales = np.ones(target.shape[1])
        if self.column_weights is not None and samples.targets is not None:
            for pattern, weight in self.column_weights.items():
                scales[[fnmatchcase(name, pattern) for name in samples.targets.names.tolist()]] = weight
        elif metric.climb == "r2":
            variance = target.var(axis=0, dtype=np.float64)
            scales = np.divide(1.0, variance, out=np.zeros(len(variance)), where=variance > 0)
        if metric.columns is not None:
            decided = np.asarray(metric.columns(samples)).ravel()
            scales = np.where(decided, scales, 0.0)
        return scales if scales.any() else np.ones(len(scales))


class RidgeStacking(LeastSquares):
    """Regularised least squares: weights that make the squared error least, drawn towards equal ones, or to zero.

    Towards equal weights a penalty is the prior of Diebold and Pauly 1990, "The use of prior information in forecast
    combination"; ridge regression of members is in Breiman 1996, "Stacked regressions".

    alpha           the penalty, in parts of the members' mean square; none: of 15 from 1e-6 to 10 the one with the
                    least squared error on rows that weights were not found on
    towards         equal, or zero
    weights         one a "model"; or a model's own for each "group" of target columns, or each "column"
    normalise       scale each member's rows to length 1 first; none: where they are compared with a gallery
    sum_to_one      none: where predictions are probabilities, whose weights are then not below zero either
    column_weights  what each column's squared errors count, by names or patterns of which the last that fits decides; 1
                    where none does. None: as the metric counts them, where that is known
    folds           parts of the rows, to choose alpha by and to score weights on rows that they were not found on
    apart           group whose rows are in one part; none draws rows one by one
    """

    def __init__(
        self,
        *,
        alpha: Alpha | None = None,
        towards: Literal["equal", "zero"] = "equal",
        weights: Literal["model", "group", "column"] = "model",
        normalise: bool | None = None,
        sum_to_one: bool | None = None,
        column_weights: ColumnWeights | None = None,
        folds: Folds = 5,
        apart: str | None = None,
    ) -> None:
        super().__init__(weights, normalise, sum_to_one, column_weights, folds, apart)
        self.alpha, self.towards = alpha, towards

    def solution(self, members: int, proper: bool) -> Solution:
        """Penalised weights of any sign, but where they are of probabilities."""
        return Solution(
            ALPHAS if self.alpha is None else (self.alpha,),
            np.full(members, 1 / members if self.towards == "equal" else 0.0),
            positive=proper,
            sum_to_one=proper if self.sum_to_one is None else self.sum_to_one,
        )


class NonNegativeStacking(LeastSquares):
    """Non-negative least squares: weights from 0 that make the squared error least; many are then 0.

    Breiman 1996, "Stacked regressions", solved as in Lawson and Hanson 1974, "Solving least squares problems".

    weights         one a "model"; or a model's own for each "group" of target columns, or each "column"
    normalise       scale each member's rows to length 1 first; none: where they are compared with a gallery
    sum_to_one      none: where predictions are probabilities
    column_weights  what each column's squared errors count, by names or patterns of which the last that fits decides; 1
                    where none does. None: as the metric counts them, where that is known
    folds           parts of the rows, to score weights on rows that they were not found on
    apart           group whose rows are in one part; none draws rows one by one
    """

    def __init__(
        self,
        *,
        weights: Literal["model", "group", "column"] = "model",
        normalise: bool | None = None,
        sum_to_one: bool | None = None,
        column_weights: ColumnWeights | None = None,
        folds: Folds = 5,
        apart: str | None = None,
    ) -> None:
        super().__init__(weights, normalise, sum_to_one, column_weights, folds, apart)

    def solution(self, members: int, proper: bool) -> Solution:
        """Weights from 0, without a penalty."""
        return Solution((0.0,), np.zeros(members), True, proper if self.sum_to_one is None else self.sum_to_one)


def _target_like(samples: Samples, predictions: Array, normalise: bool) -> Array:
    """Return the target as predictions (N, T) are compared with it, (N, T).

    Numbers of classes become rows with a single one. Raises UsageError for a target of another shape.
    """
    target = np.asarray(samples.target_values()).reshape(len(predictions), -1)
    width = predictions.shape[1]
    if target.shape[1] == 1 < width and np.isin(target, np.arange(width)).all():
        target = np.eye(width)[target[:, 0].astype(np.int64)]
    if target.shape != predictions.shape:
        raise UsageError(
            f"Least squares compares predictions of {width} columns with the target, which has {target.shape[1]}.",
            "Take the blender greedy, which asks the metric alone.",
        )
    return target / np.linalg.norm(target, axis=1, keepdims=True).clip(1e-12) if normalise else target


def _moments(flat: Sequence[Array], target: Array, scales: Array, group_of_column: Array, part_of_row: Array) -> Array:
    """Sum products of members, and the target last, over the rows of each part: (G, P, M + 1, M + 1) in double."""
    several = [*flat, target]
    found = np.zeros((group_of_column.max() + 1, part_of_row.max() + 1, len(several), len(several)))
    step = max(1, BLOCK // (len(several) * target.shape[1]))
    for part in range(found.shape[1]):
        rows = np.flatnonzero(part_of_row == part)
        for start in range(0, len(rows), step):
            some = np.stack([each[rows[start : start + step]].T for each in several], axis=1).astype(np.float64)
            np.add.at(found[:, part], group_of_column, scales[:, None, None] * (some @ some.transpose(0, 2, 1)))
    return found
