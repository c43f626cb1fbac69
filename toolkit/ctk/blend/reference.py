"""What the native engine does, in plain numpy: it serves where no engine was built, and the tests compare the two."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctk.blend.climb import Options, RunningClimb, coarse_to_fine, grid
from ctk.blend.polish import polish
from ctk.blend.simplex import SimplexOptions, begin

__all__ = ["absolute", "accuracy", "auc", "gram", "logloss", "quadratic", "roots", "smooth_l1"]

Floats = NDArray[np.float64]
Curve = tuple[float, float, float]

ROWS = 1 << 16
"""Rows that are turned to double at a time: some megabytes."""


def gram(
    members: Sequence[NDArray[Any]], target: NDArray[Any], order: NDArray[np.int64] | None, starts: Sequence[int]
) -> tuple[Floats, Floats, Floats]:
    """Gram matrices of the residuals by row group and column, and each column's mean and sum of squares about it.

    members  M arrays (N,) or (N, T), float32 or float64; target of the same shape
    order    (N,) rows, group by group; None where they lie so already
    starts   (groups + 1,) where each group begins in the order
    returns  (groups, T, M, M), (T,), (T,), all in double
    """
    y = target.reshape(len(target), -1)
    flat = [member.reshape(y.shape) for member in members]
    grams = np.zeros((len(starts) - 1, y.shape[1], len(flat), len(flat)))
    rows_at_once = max(1, ROWS // y.shape[1])
    for group in range(len(starts) - 1):
        for first in range(starts[group], starts[group + 1], rows_at_once):
            places = slice(first, min(first + rows_at_once, starts[group + 1]))
            rows = places if order is None else order[places]
            part = np.stack([member[rows].astype(np.float64) - y[rows] for member in flat])
            by_column = part.transpose(2, 0, 1)
            grams[group] += by_column @ by_column.transpose(0, 2, 1)
    shifted = y.astype(np.float64) - y[0]  # a constant column has a sum of squares of exactly zero
    mean = shifted.mean(axis=0)
    return grams, mean + y[0], ((shifted - mean) ** 2).sum(axis=0)


def quadratic(
    gram: Floats, costs: Floats, missed: NDArray[np.uint8], options: Options | SimplexOptions
) -> RunningClimb:
    """w' A w, and what each constant column costs once it is missed: costs (K,), missed (K, M) by each member alone."""
    return begin(_Quadratic(gram, costs, missed), options)


def roots(grams: Floats, options: Options | SimplexOptions) -> RunningClimb:
    """Sum over columns of sqrt(w' A_c w), grams (C, M, M) with the columns' weights in them."""
    return begin(_Roots(grams), options)


def absolute(residuals: NDArray[Any], options: Options | SimplexOptions) -> RunningClimb:
    """Sum of |w' residuals|, residuals (M, n)."""
    return begin(_Absolute(residuals), options)


def smooth_l1(residuals: NDArray[Any], options: Options | SimplexOptions) -> RunningClimb:
    """Sum of the smooth L1 error with beta 1, residuals (M, n)."""
    return begin(_Smooth(residuals, _smooth_l1), options)


def logloss(probabilities: NDArray[Any], eps: float, options: Options | SimplexOptions) -> RunningClimb:
    """Sum of -log of the true classes' probabilities (M, n), clipped to [eps, 1 - eps]."""
    return begin(_Smooth(probabilities, lambda x, d: _logloss(x, d, eps)), options)


def accuracy(
    margins: Floats, strict: NDArray[np.uint8], step: float, options: Options | SimplexOptions
) -> RunningClimb:
    """Rows that are wrong: margins (M, n, rivals) of the right answer, strict (n, rivals) where a draw is lost."""

    def loss(blend: Floats) -> float:
        return float((~np.where(strict, blend > 0, blend >= 0).all(axis=-1)).sum())

    return begin(_Grid(margins, loss, step, thorough=True), options)


def auc(scores: Floats, labels: NDArray[np.uint8], step: float, options: Options | SimplexOptions) -> RunningClimb:
    """1 - area under the ROC curve, meaned over columns: scores (M, columns, n), labels (columns, n)."""

    def loss(blend: Floats) -> float:
        return 1 - float(np.mean([area(*each) for each in zip(blend, labels, strict=True)]))

    return begin(_Grid(scores, loss, step, thorough=False), options)


def area(scores: NDArray[Any], labels: NDArray[Any]) -> float:
    """Area under the ROC curve of (n,) scores and 0/1 labels, ties counted half (Mann and Whitney 1947).

    nan where all labels are the same
    """
    if labels.min() == labels.max():
        return math.nan
    levels, level = np.unique(scores, return_inverse=True)
    positives = np.bincount(level[labels != 0], minlength=len(levels))
    negatives = np.bincount(level[labels == 0], minlength=len(levels))
    below = np.cumsum(negatives) - negatives
    return float((positives * (below + negatives / 2)).sum() / (positives.sum() * negatives.sum()))


class _Searched:
    """An objective that finds each member's best share by itself."""

    def step(self, member: int, low: float, high: float) -> tuple[float, float]:
        """Least loss, and its share."""
        raise NotImplementedError

    def search(self, members: Sequence[int], low: float, high: float) -> tuple[float, int, float]:
        found = [(*self.step(member, low, high), member) for member in members]
        loss, share, member = min(found, key=lambda each: each[0])
        return loss, member, share

    def polish(self, weights: Floats, free: Sequence[int]) -> Floats | None:
        """None: where single steps gain nothing, a smooth loss is at its least."""
        return None


class _Quadratic(_Searched):
    def __init__(self, gram: Floats, costs: Floats, missed: NDArray[np.uint8]) -> None:
        self.gram, self.costs, self.missed = gram, costs, missed.astype(bool)

    def alone(self) -> Floats:
        alone: Floats = np.diag(self.gram) + self.costs @ self.missed
        return alone

    def blend(self, weights: Floats) -> float:
        self.product = self.gram @ weights
        self.square = float(weights @ self.product)
        self.seen = (self.missed & (weights != 0)).any(axis=1)
        return self.square + float(self.costs @ self.seen)

    def step(self, member: int, low: float, high: float) -> tuple[float, float]:
        slope = self.product[member] - self.square
        curvature = self.gram[member, member] - 2 * self.product[member] + self.square
        if slope == 0:
            return math.inf, 0.0
        share = high if slope < 0 else low
        if curvature > 0:
            share = min(max(-slope / curvature, low), high)
        cost = float(self.costs @ (self.seen | self.missed[:, member]))
        return self.square + share * (2 * slope + share * curvature) + cost, share


class _Roots(_Searched):
    def __init__(self, grams: Floats) -> None:
        self.grams = grams

    def alone(self) -> Floats:
        alone: Floats = np.sqrt(np.diagonal(self.grams, axis1=1, axis2=2)).sum(axis=0)
        return alone

    def blend(self, weights: Floats) -> float:
        self.products = self.grams @ weights
        self.squares = np.maximum(self.products @ weights, 0)
        return float(np.sqrt(self.squares).sum())

    def step(self, member: int, low: float, high: float) -> tuple[float, float]:
        slope = self.products[:, member] - self.squares
        curvature = self.grams[:, member, member] - self.squares - 2 * slope

        def curve(share: float) -> Curve:
            square = self.squares + share * (2 * slope + share * curvature)
            some = square > 0
            root = np.sqrt(square[some])
            first = (slope[some] + share * curvature[some]) / root
            second = np.maximum((curvature[some] - first**2) / root, 0)
            return float(root.sum()), float(first.sum()), float(second.sum())

        return newton(curve, low, high)


class _Rows(_Searched):
    """Members' numbers (M, n, ...), whose weighted sum is what the loss is of."""

    def __init__(self, numbers: NDArray[Any]) -> None:
        self.numbers = numbers.astype(np.float64)

    def mix(self, weights: Floats) -> Floats:
        self.mixed = np.tensordot(weights, self.numbers, axes=1)
        return self.mixed


class _Absolute(_Rows):
    def alone(self) -> Floats:
        alone: Floats = np.abs(self.numbers).sum(axis=1)
        return alone

    def blend(self, weights: Floats) -> float:
        return float(np.abs(self.mix(weights)).sum())

    def step(self, member: int, low: float, high: float) -> tuple[float, float]:
        return self.along(self.numbers[member] - self.mixed, low, high)

    def along(self, toward: Floats, low: float, high: float) -> tuple[float, float]:
        """Least loss of mixed + share * toward, and the share."""
        moves = toward != 0
        kinks, sizes = -self.mixed[moves] / toward[moves], np.abs(toward[moves])
        share = weighted_median(kinks, sizes) if len(kinks) else 0.0
        share = min(max(share, low), high)
        return float(np.abs(self.mixed + share * toward).sum()), share

    def polish(self, weights: Floats, free: Sequence[int]) -> Floats | None:
        found = polish(weights[free], len(self.mixed), _Polished(self, free))
        if found is None:
            return None
        better = weights.copy()
        better[free] = found
        return better


class _Polished:
    """Some members' residuals, as polishing wants them."""

    def __init__(self, absolute: _Absolute, free: Sequence[int]) -> None:
        self.absolute, self.errors = absolute, absolute.numbers[free]
        self.loss = float(np.abs(absolute.mixed).sum())

    def near(self, count: int) -> tuple[Floats, Floats]:
        places = np.argsort(np.abs(self.absolute.mixed))[:count]
        e = self.absolute.mixed[places]
        return e, self.errors[:, places] - e

    def slopes(self) -> Floats:
        mixed = self.absolute.mixed
        slopes: Floats = (self.errors - mixed) @ np.where(np.signbit(mixed), -1.0, 1.0)
        return slopes

    def move(self, change: Floats) -> float:
        toward = change @ self.errors
        loss, share = self.absolute.along(toward, -1, 4)
        if not loss < self.loss:
            return 0.0
        self.loss = loss
        self.absolute.mixed = self.absolute.mixed + share * toward
        return share


def weighted_median(values: Floats, weights: Floats) -> float:
    """The value at which the weights below first reach half of all: where sum w |v - x| is least."""
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(below, below[-1] / 2)])


class _Smooth(_Rows):
    def __init__(self, numbers: NDArray[Any], curve: Callable[[Floats, Floats], Curve]) -> None:
        super().__init__(numbers)
        self.curve = curve

    def alone(self) -> list[float]:
        return [self.curve(each, each)[0] for each in self.numbers]

    def blend(self, weights: Floats) -> float:
        mixed = self.mix(weights)
        return self.curve(mixed, mixed)[0]

    def step(self, member: int, low: float, high: float) -> tuple[float, float]:
        toward = self.numbers[member] - self.mixed
        return newton(lambda share: self.curve(self.mixed + share * toward, toward), low, high)


def _smooth_l1(x: Floats, d: Floats) -> Curve:
    clipped = np.clip(x, -1, 1)
    value = clipped * (x - clipped / 2)
    return float(value.sum()), float((clipped * d).sum()), float((d[clipped == x] ** 2).sum())


def _logloss(x: Floats, d: Floats, eps: float) -> Curve:
    clipped = np.clip(x, eps, 1 - eps)
    ratio = np.where(clipped == x, d / clipped, 0.0)
    return float(-np.log(clipped).sum()), float(-ratio.sum()), float((ratio**2).sum())


class _Grid(_Rows):
    """A loss that jumps: the whole grid of shares, or a search from coarse to fine."""

    def __init__(self, numbers: NDArray[Any], loss: Callable[[Floats], float], step: float, *, thorough: bool) -> None:
        super().__init__(numbers)
        self.loss, self.spacing, self.thorough = loss, step, thorough

    def alone(self) -> list[float]:
        return [self.loss(each) for each in self.numbers]

    def blend(self, weights: Floats) -> float:
        return self.loss(self.mix(weights))

    def step(self, member: int, low: float, high: float) -> tuple[float, float]:
        toward = self.numbers[member] - self.mixed
        shares = grid(self.spacing, low, high)

        def at(share: float) -> float:
            return self.loss(self.mixed + share * toward)

        if not self.thorough:
            return coarse_to_fine(at, shares)
        losses = [at(float(share)) for share in shares]
        place = min(range(len(shares)), key=lambda each: (losses[each], abs(shares[each]), each))
        return losses[place], float(shares[place])


def newton(curve: Callable[[float], Curve], low: float, high: float) -> tuple[float, float]:
    """Least value of a convex curve and its share: Newton's steps, kept inside a bracket that only shrinks.

    curve  gives value, slope and curvature; where it is not convex after all, the best point seen is returned
    """
    width = high - low
    share = 0.0
    value, slope, curvature = curve(share)
    best = (value, share)
    if slope == 0:
        return best
    low, high = (0.0, high) if slope < 0 else (low, 0.0)
    for number in range(40):
        chosen = share - slope / curvature if curvature > 0 else (high if slope < 0 else low)
        if number == 0:
            chosen = min(max(chosen, low), high)
        if not low <= chosen <= high:
            chosen = (low + high) / 2
        if abs(chosen - share) <= 1e-12 * width:
            break
        share = chosen
        value, slope, curvature = curve(share)
        best = min(best, (value, share))
        if slope == 0:
            break
        low, high = (share, high) if slope < 0 else (low, share)
        if low >= high:
            break
    return best
