"""What is climbed for each metric: a cell's numbers as the engine wants them, and scores from its losses."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ctk.blend.cells import Cell, Cells
from ctk.blend.climb import Options, RunningClimb, coarse_to_fine, grid
from ctk.blend.engine import engine
from ctk.blend.inputs import ClimbInputs, refuse_not_finite
from ctk.blend.label_steps import LabelSteps
from ctk.blend.probabilities import are_probabilities, as_scored
from ctk.blend.scores import (
    BY_LABEL,
    SQUARED,
    ClimbMetric,
    Floats,
    count_sized,
    of_truth,
    score,
    sizes_over,
    smallest_size,
    squared_score,
    to_score,
    weighted_squares,
)
from ctk.blend.simplex import SimplexOptions, begin

Start = Callable[[Options | SimplexOptions], RunningClimb]


class ClimbTask(Protocol):
    """A metric on its data; ``probabilities`` tells whether predictions are such, ``numbers`` how many a member has."""

    probabilities: bool
    numbers: int

    def start(self, cell: Cell) -> tuple[Start, Callable[[Floats], Floats]]:
        """How a climb on the cell begins, and the cell's scores from its losses."""

    def score(self, weights: Floats) -> float:
        """The metric of the whole blend, from weights (row groups, column groups, M)."""


def make_task(metric: ClimbMetric, data: ClimbInputs, cells: Cells, column_weights: Floats, step: float) -> ClimbTask:
    """The task for a metric; column_weights (T,) sum to one."""
    if metric.name in SQUARED and metric.call is None:
        return Squared(metric, data, cells, column_weights, engine.gram, refuse_not_finite)
    return ByRow(metric, data, cells, column_weights, step)


class Squared:
    """Squared errors: all that is needed of the data is its Gram matrices by row group and column."""

    probabilities = False

    def __init__(
        self,
        metric: ClimbMetric,
        data: ClimbInputs,
        cells: Cells,
        weights: Floats,
        gram: Callable[..., tuple[Floats, Floats, Floats]],
        refuse: Callable[[ClimbInputs], None],
    ) -> None:
        self.metric, self.cells, self.weights = metric, cells, weights
        self.rows: Any = data.rows
        self.numbers = data.rows * data.columns
        order, starts = cells.order(data.rows)
        self.counts = np.diff(starts)
        if metric.name == "rmspe":  # is rmse in parts of the target, of the rows that have parts
            ordered = data.target if order is None else data.target[order]
            by_column = ordered.reshape(data.rows, -1)
            parts = pairwise(starts)
            self.counts = np.stack([count_sized(by_column[first:end]) for first, end in parts])
            self.rows = count_sized(data.target.reshape(data.rows, -1))
            scale = sizes_over(data.target)
            data = ClimbInputs([member * scale for member in data.members], data.target * scale)
        self.grams, self.mean, self.squares = gram(data.members, data.target, order, starts)
        # anything that is not finite has a square on the diagonal that is not: looking for it costs no pass
        if not np.isfinite(np.einsum("gtmm", self.grams)).all():
            refuse(data)
            raise ValueError("squared errors are too large for double: scale predictions and target down")

    def start(self, cell: Cell) -> tuple[Start, Callable[[Floats], Floats]]:
        group, _ = cell.place
        columns = slice(None) if cell.columns is None else cell.columns
        grams, weights, squares = self.grams[group, columns], self.weights[columns], self.squares[columns]
        rows = self.counts[group] if self.metric.name != "rmspe" else self.counts[group, columns]
        part = self.counts[group].sum() / np.sum(self.rows)  # of a column's sum of squares that falls to these rows
        whole = max(float(weights.sum()), np.finfo(float).tiny)
        costs, missed = np.zeros(0), np.zeros((0, grams.shape[-1]), dtype=np.uint8)
        if self.metric.name in ("rmse", "rmspe") and len(weights) > 1:
            return (
                lambda options: engine.roots(grams * (weights**2 / rows)[:, None, None], options),
                lambda losses: losses / whole,
            )
        if self.metric.name in ("mse", "rmse", "rmspe"):
            scale = weights / whole / rows
        elif self.metric.name == "r2":
            constant = squares == 0
            scale = np.where(constant, 0, weights / np.where(constant, 1, squares)) / (whole * part)
            costs = weights[constant] / whole
            missed = (np.diagonal(grams[constant], axis1=1, axis2=2) > 0).astype(np.uint8)
        else:
            total = weighted_squares(self.rows, self.mean[columns], squares, weights) if weights.any() else 0
            scale = weights / (total * part if total > 0 else 1)
        gram = np.tensordot(scale, grams, axes=1)

        def to_score(losses: Floats) -> Floats:
            losses = np.maximum(losses, 0)
            return (
                1 - losses
                if self.metric.maximize
                else np.sqrt(losses)
                if self.metric.name in ("rmse", "rmspe")
                else losses
            )

        return lambda options: engine.quadratic(gram, costs, missed, options), to_score

    def score(self, weights: Floats) -> float:
        by_column = weights if self.cells.group_of_column is None else weights[:, self.cells.group_of_column]
        by_column = np.broadcast_to(by_column, self.grams.shape[:-1])
        errors = np.einsum("gtm,gtmn,gtn->t", by_column, self.grams, by_column, optimize=True)
        return squared_score(self.metric.name, errors, self.rows, self.mean, self.squares, self.weights)


class ByRow:
    """Metrics that need the rows at every step: each cell's numbers are laid out once, side by side."""

    def __init__(self, metric: ClimbMetric, data: ClimbInputs, cells: Cells, weights: Floats, step: float) -> None:
        self.metric, self.data, self.cells, self.weights, self.step = metric, data, cells, weights, step
        self.eps = float(np.finfo(data.members[0].dtype).eps)
        self.numbers = data.rows * data.columns
        self.probabilities = are_probabilities(metric, data.members)
        if metric.name not in ("mae", "mape", "pinball", "smooth_l1"):  # those see it in their residuals
            refuse_not_finite(data)

    def start(self, cell: Cell) -> tuple[Start, Callable[[Floats], Floats]]:
        members = [cell.of(member) for member in self.data.members]
        target = cell.of(self.data.target)

        def to_score(losses: Floats) -> Floats:
            return 1 - losses / target.size if self.metric.name == "accuracy" else losses / target.size

        if self.metric.call is not None:
            return self._custom(members, target), lambda losses: -self.metric.sign * losses
        if self.metric.name == "pinball":
            return self._pinball(members, target)
        if self.metric.name == "mape":
            residuals = self._residuals(members, target)
            residuals /= smallest_size(target).astype(residuals.dtype)
            flat = residuals.reshape(len(members), -1)
            return lambda options: engine.absolute(flat, options), to_score
        if self.metric.name == "mae":
            weights = self.weights if cell.columns is None else self.weights[cell.columns]
            if np.ptp(weights) > 0:
                used = weights > 0
                members, target = [member[:, used] for member in members], target[:, used]
                weights = weights[used]
            residuals = self._residuals(members, target)
            if np.ptp(weights) > 0:
                residuals *= (weights / weights.mean()).astype(residuals.dtype)
            flat = residuals.reshape(len(members), -1)
            return lambda options: engine.absolute(flat, options), to_score
        if self.metric.name == "smooth_l1":
            flat = self._residuals(members, target).reshape(len(members), -1)
            return lambda options: engine.smooth_l1(flat, options), to_score
        if self.metric.name == "logloss":
            flat = np.stack([of_truth(member, target).reshape(-1) for member in members])
            return lambda options: engine.logloss(flat, self.eps, options), to_score
        if self.metric.name in BY_LABEL:
            steps = LabelSteps(self.metric.name, np.stack(members).astype(np.float64), target)
            return lambda options: begin(steps, options), lambda losses: 1 - losses
        if self.metric.name == "accuracy":
            margins, strict = _margins(np.stack(members).astype(np.float64), target)
            return lambda options: engine.accuracy(margins, strict, self.step, options), to_score
        labels = np.ascontiguousarray(target.reshape(len(target), -1).T).astype(np.uint8)
        for column, each in enumerate(labels):
            if each.min() == each.max():
                where = f", column {column}" if len(labels) > 1 else ""
                raise ValueError(
                    f"target, {self.cells.name(cell)}{where}: all are {each[0]}; auc needs rows of both classes"
                )
        scores = np.stack([member.reshape(len(target), -1).T for member in members]).astype(np.float64)
        return lambda options: engine.auc(scores, labels, self.step, options), lambda losses: 1 - losses

    def score(self, weights: Floats) -> float:
        blend = self.cells.assemble(self.data, weights)
        return score(self.metric, self.data.target, as_scored(self.metric, blend, self.data), self.weights, self.eps)

    def _pinball(self, members: list[NDArray[Any]], target: NDArray[Any]) -> tuple[Start, Callable[[Floats], Floats]]:
        """Twice the loss is the sum of |e| + (1 - 2 level) e. The second part is one more residual, as e blends.

        That residual is raised by as much as keeps it above zero wherever the loss is below that of the best member:
        there the sum of |e| is at most the loss over the smaller of level and 1 - level.
        """
        level = self.metric.level
        errors = self._residuals([member.astype(np.float64) for member in members], target).reshape(len(members), -1)
        raised = 4 * float(np.abs(errors).sum(axis=1).min()) / min(level, 1 - level)
        flat = np.column_stack([errors, raised + (1 - 2 * level) * errors.sum(axis=1)])
        return lambda options: engine.absolute(flat, options), lambda losses: (losses - raised) / 2 / target.size

    def _residuals(self, members: list[NDArray[Any]], target: NDArray[Any]) -> NDArray[Any]:
        residuals = np.empty((len(members), *target.shape), dtype=members[0].dtype)
        for each, member in zip(residuals, members, strict=True):
            np.subtract(member, target, out=each, casting="same_kind")
        if not np.isfinite(residuals).all():
            refuse_not_finite(self.data)
            raise ValueError(f"errors are too large for {residuals.dtype}: scale predictions and target down")
        return residuals

    def _custom(self, members: list[NDArray[Any]], target: NDArray[Any]) -> Start:
        call, sign = self.metric.call, self.metric.sign
        assert call is not None

        def loss(blend: NDArray[Any]) -> float:
            found = to_score(call(target, as_scored(self.metric, blend, self.data)), self.metric.name)
            return np.inf if np.isnan(found) else -sign * found

        return lambda options: begin(_Custom(members, loss, self.step), options)


class _Custom:
    """Any callable, on a grid of shares from coarse to fine."""

    def __init__(self, members: list[NDArray[Any]], loss: Callable[[NDArray[Any]], float], step: float) -> None:
        self.members, self.loss, self.spacing = members, loss, step

    def alone(self) -> list[float]:
        return [self.loss(member) for member in self.members]

    def blend(self, weights: Floats) -> float:
        self.mixed = sum(
            (weight * member for weight, member in zip(weights.tolist(), self.members, strict=True) if weight),
            start=np.zeros_like(self.members[0]),
        )
        return self.loss(self.mixed)

    def search(self, members: Any, low: float, high: float) -> tuple[float, int, float]:
        shares = grid(self.spacing, low, high)
        best = (np.inf, 0, 0.0)
        for member in members:
            found, share = coarse_to_fine(partial(self._at, self.members[member] - self.mixed), shares)
            if found < best[0]:
                best = (found, member, share)
        return best

    def polish(self, weights: Floats, free: Any) -> None:
        """Nothing is known of the metric that would help."""

    def _at(self, toward: NDArray[Any], share: float) -> float:
        return self.loss(self.mixed + share * toward)


def _margins(members: Floats, target: NDArray[np.int64]) -> tuple[Floats, NDArray[np.uint8]]:
    """How far the right answer is ahead of each rival (M, n, rivals), and where a draw is lost (n, rivals).

    Of equal classes argmax takes the first; a probability of 0.5 is read as class 0.
    """
    if members.ndim - 1 == target.ndim:
        margins = np.where(target != 0, members - 0.5, 0.5 - members).reshape(len(members), -1, 1)
        return np.ascontiguousarray(margins), (target != 0).astype(np.uint8).reshape(-1, 1)
    rows, classes = members.shape[1:]
    rivals = np.arange(classes - 1)[None] + (np.arange(classes - 1)[None] >= target[:, None])
    right = members[:, np.arange(rows), target]
    margins = right[:, :, None] - np.take_along_axis(members, rivals[None], axis=2)
    return np.ascontiguousarray(margins), (rivals < target[:, None]).astype(np.uint8)
