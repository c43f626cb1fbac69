"""Exact steps for metrics of labels: along a share a row's label changes at a few places, and between them nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctk.blend.label_scores import LABEL_SCORES, LabelCounts, Labels, labels_of

Floats = NDArray[np.float64]

MOST = 1 << 22
"""Counts that are held at once: with more crossings times labels than that, some of the stops are left out."""


@dataclass(frozen=True)
class Crossings:
    """Places (E,) on a line at which rows change their label, in any order.

    before, after  (E,) the labels; -1 is none
    truth          (E,) the rows' true labels
    """

    places: Floats
    before: Labels
    after: Labels
    truth: Labels


def sweep(name: str, start: LabelCounts, crossings: Crossings) -> tuple[Floats, Floats]:
    """Score every stretch between crossings, from left to right, by one sorting and running sums.

    name     of ``LABEL_SCORES``; start the counts left of all crossings
    returns  (S,) scores, and (S + 1,) ends of the stretches, -inf and inf among them. With more than ``MOST`` crossings
             times labels these are evenly chosen stretches of them
    """
    order = np.argsort(crossings.places, kind="stable")
    places = crossings.places[order]
    before, after, truth = (each[order] for each in (crossings.before, crossings.after, crossings.truth))
    labels = start.true.shape[-1]
    stops = (
        np.flatnonzero(np.concatenate([[True], places[1:] > places[:-1], [True]])) if len(places) else np.zeros(1, int)
    )
    if len(stops) * labels > MOST:
        stops = stops[np.linspace(0, len(stops) - 1, max(2, MOST // labels)).astype(np.int64)]
    first = np.searchsorted(stops, np.arange(len(places)), side="right")

    def running(weights: Any, label: Labels) -> Floats:
        """(S, L) sums of the weights of the crossings before each stop, by label."""
        some = label >= 0
        flat = np.bincount(first[some] * labels + label[some], weights[some], minlength=len(stops) * labels)
        return flat.reshape(len(stops), labels).cumsum(axis=0)

    ones = np.ones(len(places))
    counts = LabelCounts(
        start.hits + running(ones * (after == truth), after) - running(ones * (before == truth), before),
        start.predicted + running(ones, after) - running(ones, before),
        start.true,
        start.products + np.bincount(first, truth * (after - before), minlength=len(stops)).cumsum(),
        start.rows,
        start.several,
    )
    # a stop p is left of crossing p, and right of crossing p - 1
    ends = np.concatenate([[-np.inf], places[stops[1:] - 1], [np.inf]])
    return LABEL_SCORES[name](counts), ends


class LabelSteps:
    """1 less a score of labels, as a climb wants it: (M, n) or (M, n, L) numbers, target (n,) or (n, L)."""

    def __init__(self, name: str, members: Floats, target: Labels) -> None:
        self.name, self.members, self.target = name, members, target

    def alone(self) -> list[float]:
        return [self._loss(each) for each in self.members]

    def blend(self, weights: Floats) -> float:
        self.mixed = np.tensordot(weights, self.members, axes=1)
        return self._loss(self.mixed)

    def search(self, members: Sequence[int], low: float, high: float) -> tuple[float, int, float]:
        best = (math.inf, 0, 0.0)
        for member in members:
            loss, share = self._step(self.members[member] - self.mixed, low, high)
            if loss < best[0]:
                best = (loss, member, share)
        return best

    def polish(self, weights: Floats, free: Sequence[int]) -> None:
        """A step to several at once has no line to be searched."""

    def _loss(self, numbers: Floats) -> float:
        labels, count = labels_of(numbers, self.target)
        return 1 - float(LABEL_SCORES[self.name](LabelCounts.of(labels, self.target, count)))

    def _step(self, toward: Floats, low: float, high: float) -> tuple[float, float]:
        first, count = labels_of(self.mixed + low * toward, self.target)
        last, _ = labels_of(self.mixed + high * toward, self.target)
        if self.mixed.ndim > self.target.ndim:
            crossings = self._classes(toward, first, last, low, high)
        else:
            crossings = self._cuts(toward, first, last)
        scores, ends = sweep(self.name, LabelCounts.of(first, self.target, count), crossings)
        ends = np.clip(ends, low, high)
        shares = (ends[1:] + ends[:-1]) / 2
        best = np.flatnonzero(scores == scores.max())
        place = best[np.abs(shares[best]).argmin()]
        return 1 - float(scores[place]), float(shares[place])

    def _cuts(self, toward: Floats, first: Labels, last: Labels) -> Crossings:
        """Numbers that pass halves. Rows are those whose labels differ at the ends, so that counts come out even."""
        found = []
        for cut in range(int(max(first.max(), last.max()))):
            rows = np.nonzero((np.minimum(first, last) <= cut) & (cut < np.maximum(first, last)))
            up = (last > first)[rows]
            places = (cut + 0.5 - self.mixed[rows]) / toward[rows]
            if self.target.ndim == 2:
                column, none = rows[1], np.full(len(up), -1)
                truth = np.where(self.target[rows] != 0, column, -1)
                found.append((places, np.where(up, none, column), np.where(up, column, none), truth))
            else:
                found.append((places, np.where(up, cut, cut + 1), np.where(up, cut + 1, cut), self.target[rows]))
        if not found:
            return Crossings(np.zeros(0), *(np.zeros(0, np.int64) for _ in range(3)))
        return Crossings(*map(np.concatenate, zip(*found, strict=True)))

    def _classes(self, toward: Floats, first: Labels, last: Labels, low: float, high: float) -> Crossings:
        """The upper envelope of each row's lines: one class after another leads, each for one stretch."""
        rows = np.flatnonzero(first != last)
        leader, at = first[rows], np.full(len(rows), low)
        found = [(np.zeros(0), *(np.zeros(0, np.int64) for _ in range(3)))]
        while len(rows):
            each = np.arange(len(rows))
            behind = self.mixed[rows, leader][:, None] - self.mixed[rows]
            gaining = toward[rows] - toward[rows, leader][:, None]
            with np.errstate(divide="ignore", invalid="ignore"):
                places = np.where(gaining > 0, behind / gaining, np.inf)
            after = places.argmin(axis=1)
            at = np.maximum(places[each, after], at)
            inside = at < high
            rows, leader, after, at = rows[inside], leader[inside], after[inside], at[inside]
            found.append((at, leader, after, self.target[rows]))
            on = after != last[rows]
            rows, leader, at = rows[on], after[on], at[on]
        return Crossings(*map(np.concatenate, zip(*found, strict=True)))
