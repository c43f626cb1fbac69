"""Thresholds that make labels of probabilities and numbers, the best ones by a metric of labels.

A label changes only where a threshold passes a row's number, so a metric of labels is piecewise constant, and one
sorting with running counts scores every threshold there is (``ctk.blend.sweep``). Of one threshold that is the best
one exactly. Of several it is one after another, again and again until none gains; quadratic kappa of an ordinal task,
whose every part is a sum over rows, has its best cuts together exactly.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ctk.blend import LABEL_SCORES, Crossings, LabelCounts, sweep
from ctk.contract import Metric
from ctk.errors import NoScore, UsageError
from ctk.samples import Array, Samples
from ctk_tables.description import Task
from ctk_tables.metrics import entry, find
from ctk_tables.metrics.checked import check_pair, form_of

ROUNDS = 20
"""Times that each of several thresholds is looked for anew, at most."""
PLACES = 100
"""Thresholds that are tried for a metric of which no counts are known, at quantiles of the numbers."""
GAIN = 1e-12
"""Less than that is rounding."""
WORTH = 1e-6
"""Less than that of all thresholds together is not worth another round."""


def fit_thresholds(
    prediction: Array, target: Array, metric: str | Metric, task: Task, *, classes: int | None = None
) -> list[float]:
    """Find the thresholds by which labels of the predictions score best; nothing in it is drawn.

    Of a metric of one's own thresholds are tried at a hundred quantiles each. Thresholds lie in the middle between two
    numbers; where several score alike, those nearest to what is taken without them.

    prediction  (N, T) probabilities of a binary task, (N, C) of classes, (N, 1) numbers of an ordinal one
    target      of the same shape, as samples have it
    metric      a name of the catalogue, or a Metric that scores such labels
    classes     K of an ordinal task; none: as many as the target shows
    returns     binary: T thresholds, a label is 1 above its own; classes: C weights, the label is the largest product
                with the probabilities; ordinal: K - 1 rising cuts, the label is the number of cuts below
    Raises UsageError for a task without labels, a metric that is not of labels, shapes that differ and numbers that are
    not finite.
    """
    name = metric if isinstance(metric, str) else metric.name
    found, truth = check_pair(prediction, target, name)
    if task == "regression":
        raise UsageError(f"{name}: a regression has no labels, and so no thresholds.", "Leave thresholds out.")
    if isinstance(metric, str) and ".py:" not in metric and entry(metric).scores != "labels":
        raise UsageError(f"{name} is not of labels: thresholds would only lose by it.", "Leave thresholds out.")
    form_of(truth, name)
    count = max(int(truth.max()) + 1, classes or 2) if task == "ordinal" else found.shape[1]
    start = default_thresholds(task, count)
    score = COUNTED.get(name, name) if isinstance(metric, str) else ""
    if score in LABEL_SCORES:
        if task == "ordinal" and score == "quadratic_kappa":
            return _kappa_cuts(found[:, 0], truth[:, 0].astype(np.int64), start)
        return _climb(_Counted(found, truth, task, score), start)
    return _climb(_Tried(found, truth, task, find(metric) if isinstance(metric, str) else metric), start)


COUNTED = {"hamming": "accuracy"}
"""Metrics that are best where a score of counts is."""


def default_thresholds(task: Task, count: int) -> list[float]:
    """What is taken where nothing was fitted: 0.5 for each column, equal weights, halves between ``count`` labels."""
    if task == "ordinal":
        return [each + 0.5 for each in range(count - 1)]
    return [0.5 if task == "binary" else 1.0] * count


def apply_thresholds(prediction: Array, thresholds: Sequence[float], task: Task) -> Array:
    """Make labels of predictions, in the shape of the target, float32.

    prediction  as ``fit_thresholds`` takes it; thresholds as it returns them
    returns     binary (N, T) of 0 and 1, classes (N, C) one-hot, ordinal (N, 1) of 0 to K - 1
    Raises UsageError for a regression, and for another number of thresholds than there are columns.
    """
    found, limits = np.asarray(prediction), np.asarray(thresholds, np.float64)
    if task == "regression":
        raise UsageError("A regression has no labels, and so no thresholds.", "Leave thresholds out.")
    columns = found[0].size if len(found) else len(limits)
    if task != "ordinal" and len(limits) != columns:
        raise UsageError(f"There are {len(limits)} thresholds for {columns} columns.", "Fit them on such predictions.")
    labels: Array
    if task == "binary":
        labels = found.astype(np.float64) > limits
    elif task == "classes":
        labels = np.eye(columns, dtype=np.float32)[(found.astype(np.float64) * limits).argmax(axis=1)]
    else:
        labels = np.searchsorted(limits, found.astype(np.float64), side="left")
    return labels.astype(np.float32)


class _Counted:
    """A metric of labels that counts suffice for: every place of one threshold is scored at once."""

    def __init__(self, found: Array, truth: Array, task: Task, score: str) -> None:
        self.found, self.task, self.score = found, task, score
        self.several = task == "binary" and found.shape[1] > 1
        whole = truth.astype(np.int64)
        self.truth = whole if self.several else whole.argmax(axis=1) if task == "classes" else whole[:, 0]

    def at(self, thresholds: Array) -> float:
        """Score of some thresholds."""
        return float(LABEL_SCORES[self.score](self._counts(self._labels(thresholds), thresholds)))

    def along(self, thresholds: Array, place: int) -> tuple[Array, Array]:
        """Scores (S,) of one threshold's stretches, the others staying, and their ends (S + 1,)."""
        low = thresholds.copy()
        low[place] = self._lowest(thresholds, place)
        return sweep(self.score, self._counts(self._labels(low), thresholds), self._crossings(thresholds, place))

    def _labels(self, thresholds: Array) -> Array:
        if self.task == "classes":
            labels: Array = (self.found * thresholds).argmax(axis=1)
            return labels
        if self.task == "binary":
            above = (self.found > thresholds).astype(np.int64)
            return above if self.several else above[:, 0]
        return np.searchsorted(thresholds, self.found[:, 0], side="left")

    def _counts(self, labels: Array, thresholds: Array) -> LabelCounts:
        labels_there = len(thresholds) + 1 if self.task == "ordinal" else max(2, len(thresholds))
        return LabelCounts.of(labels, self.truth, labels_there)

    def _lowest(self, thresholds: Array, place: int) -> float:
        """A threshold that no crossing lies below."""
        if self.task == "classes":
            return 0.0
        return float(thresholds[place - 1]) if self.task == "ordinal" and place else -np.inf

    def _crossings(self, thresholds: Array, place: int) -> Crossings:
        """Rows whose label changes as the threshold rises past their number."""
        if self.task == "binary":
            column = self.found[:, place]
            if self.several:
                label = np.full(len(column), place)
                return Crossings(column, label, label * 0 - 1, np.where(self.truth[:, place] != 0, place, -1))
            ones = np.ones(len(column), np.int64)
            return Crossings(column, ones, ones * 0, self.truth)
        if self.task == "ordinal":
            column = self.found[:, 0]
            inside = column > self._lowest(thresholds, place)
            if place + 1 < len(thresholds):
                inside &= column <= thresholds[place + 1]
            label = np.full(int(inside.sum()), place + 1)
            return Crossings(column[inside], label, label - 1, self.truth[inside])
        others = self.found * thresholds
        others[:, place] = -np.inf
        rival = others.argmax(axis=1)
        best = np.take_along_axis(others, rival[:, None], axis=1)[:, 0]
        own = self.found[:, place]
        moves = (own > 0) & (best >= 0)
        return Crossings(best[moves] / own[moves], rival[moves], np.full(int(moves.sum()), place), self.truth[moves])


class _Tried:
    """Any metric, which is called with the labels of some thresholds after another."""

    def __init__(self, found: Array, truth: Array, task: Task, metric: Metric) -> None:
        self.found, self.task, self.metric = found, task, metric
        self.samples = Samples(ids=np.arange(len(truth)), features={}, target=truth.astype(np.float32))

    def at(self, thresholds: Array) -> float:
        """Score of some thresholds, higher being better; -inf where there is none."""
        labels = apply_thresholds(self.found, thresholds.tolist(), self.task)
        try:
            score = self.metric.sign * self.metric.score(labels, self.samples)
        except NoScore:
            return -np.inf
        return -np.inf if np.isnan(score) else score

    def along(self, thresholds: Array, place: int) -> tuple[Array, Array]:
        """Scores of places between quantiles of one threshold's numbers, the others staying, and those quantiles."""
        if self.task == "classes":
            others = np.delete(self.found * thresholds, place, axis=1).max(axis=1)
            numbers = np.divide(others, self.found[:, place], out=np.zeros(len(others)), where=self.found[:, place] > 0)
        else:
            numbers = self.found[:, place if self.task == "binary" else 0]
            below = thresholds[place - 1] if self.task == "ordinal" and place else -np.inf
            above = thresholds[place + 1] if self.task == "ordinal" and place + 1 < len(thresholds) else np.inf
            numbers = numbers[(numbers > below) & (numbers <= above)]
        ends = np.unique(np.quantile(numbers, np.linspace(0, 1, PLACES))) if len(numbers) else np.zeros(0)
        ends = np.concatenate([[-np.inf], ends, [np.inf]])
        tried = thresholds.copy()
        scores = np.empty(len(ends) - 1)
        for number in range(len(scores)):
            tried[place] = _middle(ends[number], ends[number + 1], thresholds[place], self.task)
            scores[number] = self.at(tried)
        return scores, ends


def _climb(way: _Counted | _Tried, start: Sequence[float]) -> list[float]:
    """Better one threshold after another until none gains."""
    thresholds = np.array(start, np.float64)
    task, best = way.task, way.at(thresholds)
    fixed = 1 if task == "classes" else 0  # weights that are all larger by one factor give the same labels
    for _ in range(ROUNDS):
        before = best
        for place in range(fixed, len(thresholds)):
            scores, ends = way.along(thresholds, place)
            if not scores.max() > best + GAIN:
                continue
            tops = np.flatnonzero(scores >= scores.max() - GAIN)
            middles = np.array([_middle(ends[top], ends[top + 1], thresholds[place], task) for top in tops])
            tried = thresholds.copy()
            tried[place] = middles[np.abs(middles - start[place]).argmin()]
            if task == "ordinal":
                tried[place] = np.clip(tried[place], *_beside(tried, place))
            if (found := way.at(tried)) > best:
                thresholds, best = tried, found
        if best - before <= WORTH:
            break
    return [float(each) for each in thresholds]


def _beside(cuts: Array, place: int) -> tuple[float, float]:
    """The cuts on both sides, which one must not pass."""
    return (cuts[place - 1] if place else -np.inf), (cuts[place + 1] if place + 1 < len(cuts) else np.inf)


def _middle(low: float, high: float, now: float, task: Task) -> float:
    """A threshold well inside a stretch: now's where it is there, else the middle, or a little beyond an open end."""
    if task == "classes":
        low = max(low, 0.0)
    if low < now < high:
        return now
    if np.isinf(low) and np.isinf(high):
        return now
    if np.isinf(high):
        return low * 2 + 1 if task == "classes" else low + max(1e-6, abs(low) * 1e-6)
    if np.isinf(low):
        return high - max(1e-6, abs(high) * 1e-6)
    return (low + high) / 2


def _kappa_cuts(found: Array, truth: Array, start: Sequence[float]) -> list[float]:
    """Cuts (K - 1,) of numbers (N,) by which quadratic kappa is greatest of all that there are.

    Kappa is a ratio of two sums over rows: with m the targets' mean, of 2 (t - m) p and of p^2 - 2 m p + mean of t^2.
    Such a ratio is greatest where sum (above - ratio * below) is (Dinkelbach 1967, "On nonlinear fractional
    programming"), and that is a sum over cuts: lifting the rows above cut k from k - 1 to k changes it by
    2 (t - m) - ratio (2 k - 1 - 2 m) each. So each cut is sought by itself, in one pass over running sums; a higher one
    pays more a row, so that cuts come out in their order. Some few ratios lead to the greatest.
    """
    order = np.argsort(found, kind="stable")
    numbers, target = found[order], truth[order].astype(np.float64)
    mean, squares = float(target.mean()), float(np.square(target).mean())
    # places a cut may have: below all, between two that differ, above all
    places = np.flatnonzero(np.concatenate([[True], numbers[1:] > numbers[:-1], [True]]))
    rows = len(numbers) - places  # that lie above
    above = np.append(np.cumsum((target - mean)[::-1])[::-1], 0.0)[places]
    number = np.arange(1, len(start) + 1)
    ratio, cuts = 0.0, np.full(len(start), len(places) - 1)
    for _ in range(100):
        chosen = np.array([np.argmax(2 * above - ratio * (2 * k - 1 - 2 * mean) * rows) for k in number])
        top = 2 * above[chosen].sum()
        below = float(((2 * number - 1 - 2 * mean) * rows[chosen]).sum()) + len(numbers) * squares
        if not below > 0 or not top / below > ratio + GAIN:
            break
        ratio, cuts = top / below, chosen
    if ratio == 0:
        return list(start)
    ends, starts = np.append(-np.inf, numbers[places[1:] - 1]), np.append(numbers[places[:-1]], np.inf)
    found_cuts = [
        _middle(float(ends[each]), float(starts[each]), half, "ordinal") for each, half in zip(cuts, start, strict=True)
    ]
    return [float(each) for each in np.maximum.accumulate(found_cuts)]
