"""The figures of search.html: history, parallel coordinates, the score over each parameter."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState

from ctk.contract import Metric
from ctk.report import BASELINE, FONT_SIZE, GRID, INK, MUTED, SERIES, axes, decimals_for, figure_svg, number
from ctk_search.outcomes import ranked, share_of
from ctk_search.results import best_value
from ctk_search.space import as_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BEST = 0.1
"""Part of the finished trials that is drawn in colour."""
ROOM = 48
"""Characters that fit below one small plot; where choices are longer together, only some are named."""
MOST_CHOICES = 9
"""Choices of an axis that are named."""


def history(trials: Sequence[FrozenTrial], metric: Metric) -> str:
    """Each trial's score in their order, and the best so far, as SVG."""
    from matplotlib.ticker import MaxNLocator

    figure, plot = axes(9.6, 3.1)
    found = {trial.number: best_value(trial, metric) for trial in trials}
    scores = {number: math.nan if score is None else score for number, score in found.items()}
    finished = [trial.number for trial in trials if trial.state == TrialState.COMPLETE]
    pruned = [trial.number for trial in trials if trial.state == TrialState.PRUNED]
    failed = [trial.number for trial in trials if trial.state == TrialState.FAIL]
    best: list[tuple[int, float]] = []
    whole = [
        trial.number for trial in trials if trial.state == TrialState.COMPLETE and share_of(trial) == 1
    ] or finished
    for each in whole:
        score = scores[each]
        if not best or metric.sign * score > metric.sign * best[-1][1]:
            best.append((each, score))
    if best:
        last = max(trial.number for trial in trials)
        plot.step(
            [each for each, _ in best] + [last], [score for _, score in best] + [best[-1][1]], where="post",
            color=INK, linewidth=1.2, zorder=3,
        )  # fmt: skip
        plot.plot(*best[-1], "o", color=SERIES[1], markersize=6, zorder=5)
    shown = frame([scores[each] for each in finished] or [0.0], metric)
    _dots(plot, finished, [scores[each] for each in finished], shown, color=SERIES[0], markersize=3.6, zorder=4)
    _dots(plot, pruned, [scores[each] for each in pruned], shown, color=BASELINE, markersize=3.2, mfc="none", zorder=2)
    for each in failed:
        plot.plot(each, 0.015, "x", color=SERIES[3], markersize=4, transform=plot.get_xaxis_transform(), zorder=4)
    plot.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    plot.set_xlabel("trial", color=MUTED, fontsize=FONT_SIZE, loc="right")
    plot.margins(x=0.015)
    return figure_svg(figure, f"{metric.name} of {len(trials)} trials in their order, and the best so far")


def frame(scores: Sequence[float], metric: Metric) -> tuple[float, float]:
    """Lowest and highest score that are drawn: a few that are far off would press all others together.

    From the best to what is three times as far from it as the median; to the worst where that is little more.
    """
    best = max(scores, key=lambda score: metric.sign * score)
    away = [abs(best - score) for score in scores]
    limit = 3 * statistics.median(away)
    if not limit or max(away) <= 1.5 * limit:
        limit = max(away)
    worst = best - metric.sign * limit
    return min(best, worst), max(best, worst)


def parallel(
    trials: Sequence[FrozenTrial], space: Mapping[str, BaseDistribution], labels: Mapping[str, str], metric: Metric
) -> str:
    """A line for each trial that has a score, through its values on one axis for each parameter, as SVG."""
    order = ranked(trials, metric)
    figure, plot = axes(9.6, 3.6)
    plot.grid(False)
    plot.spines["bottom"].set_visible(False)
    scores = [_value(trial) for trial in order]
    low, high = frame(scores, metric)
    scale = _scale(low, high, log=False)

    def place_score(score: float) -> float:
        return min(1.0, max(0.0, scale(score)))

    places = {name: _placing(distribution) for name, distribution in space.items()}
    coloured = max(1, math.ceil(BEST * len(order)))
    for rank in reversed(range(len(order))):
        trial = order[rank]
        xs = list(range(len(space) + 1))
        ys = [places[name](trial.params[name]) for name in space] + [place_score(_value(trial))]
        if rank == 0:
            look: dict[str, Any] = {"color": SERIES[1], "linewidth": 2.0, "alpha": 1.0, "zorder": 5}
        elif rank < coloured:
            look = {"color": SERIES[0], "linewidth": 1.3, "alpha": 0.9, "zorder": 4}
        else:
            look = {"color": BASELINE, "linewidth": 0.7, "alpha": 0.35, "zorder": 2}
        plot.plot(xs, ys, solid_joinstyle="round", **look)
    for x, (name, distribution) in enumerate(space.items()):
        _axis(plot, x, _ticks(distribution), places[name])
    digits = decimals_for([low, high])
    _axis(plot, len(space), {score: number(score, digits) for score in _between(low, high)}, place_score)
    plot.set_xticks(range(len(space) + 1), [*(labels[name] for name in space), metric.name])
    plot.xaxis.tick_top()
    plot.tick_params(axis="x", labelsize=FONT_SIZE, pad=10, colors=INK)
    plot.set_yticks([])
    plot.set_xlim(-0.3, len(space) + 0.45)
    plot.set_ylim(-0.06, 1.06)
    return figure_svg(figure, f"The values of {len(order)} trials, parameter by parameter")


def slices(trials: Sequence[FrozenTrial], name: str, distribution: BaseDistribution, metric: Metric) -> str:
    """The score over one parameter, as SVG."""
    figure, plot = axes(3.1, 2.3)
    order = ranked(trials, metric)
    place: Callable[[Any], float] = float
    if isinstance(distribution, CategoricalDistribution):
        choices = list(distribution.choices)
        place = lambda value: choices.index(value)  # noqa: E731
        texts = [_short(as_text(choice)) for choice in choices]
        step = math.ceil(len(texts) * (max(map(len, texts)) + 1) / ROOM)
        plot.set_xticks(range(0, len(texts), step), texts[::step])
        plot.set_xlim(-0.5, len(choices) - 0.5)
    elif getattr(distribution, "log", False):
        _logarithmic(plot, distribution)
    shown = frame([_value(trial) for trial in order], metric)
    for some, colour, size in ((order[1:], SERIES[0], 3.6), (order[:1], SERIES[1], 6.0)):
        places = [place(trial.params[name]) for trial in some]
        _dots(plot, places, [_value(trial) for trial in some], shown, color=colour, markersize=size, zorder=3)
    return figure_svg(figure, f"{metric.name} over {name}")


def _logarithmic(plot: Axes, distribution: Any) -> None:
    """The whole range, named at its ends and in the middle: matplotlib's own names overlap within few decades."""
    from matplotlib.ticker import NullFormatter

    low, high = distribution.low, distribution.high
    plot.set_xscale("log")
    plot.set_xlim(low * (low / high) ** 0.06, high * (high / low) ** 0.06)
    plot.xaxis.set_minor_formatter(NullFormatter())
    ticks = [low, math.sqrt(low * high), high]
    plot.set_xticks(ticks, [f"{tick:.2g}" for tick in ticks])


def _dots(plot: Axes, xs: Sequence[float], scores: Sequence[float], shown: tuple[float, float], **look: Any) -> None:
    """Dots; what is beyond the frame as a triangle at its edge that points there."""
    low, high = shown
    room = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
    plot.set_ylim(low - room, high + room)
    inside = [(x, score) for x, score in zip(xs, scores, strict=True) if low <= score <= high]
    plot.plot([x for x, _ in inside], [score for _, score in inside], "o", alpha=0.85, **look)
    for marker, edge, beyond in (("^", high + room / 2, high), ("v", low - room / 2, low)):
        sign = 1 if beyond == high else -1
        outside = [x for x, score in zip(xs, scores, strict=True) if sign * (score - beyond) > 0]
        plot.plot(outside, [edge] * len(outside), marker, alpha=0.85, **look)


def _value(trial: FrozenTrial) -> float:
    return math.nan if trial.value is None else trial.value


def _placing(distribution: BaseDistribution) -> Callable[[Any], float]:
    """From a value to its height on the axis, 0 to 1."""
    if isinstance(distribution, CategoricalDistribution):
        choices = list(distribution.choices)
        return lambda value: choices.index(value) / (len(choices) - 1) if len(choices) > 1 else 0.5
    known: Any = distribution
    return _scale(known.low, known.high, known.log)


def _scale(low: float, high: float, log: bool) -> Callable[[float], float]:
    if low == high:
        return lambda value: 0.5
    if log:
        return lambda value: (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
    return lambda value: (value - low) / (high - low)


def _ticks(distribution: BaseDistribution) -> dict[Any, str]:
    """Values that are named on an axis."""
    if isinstance(distribution, CategoricalDistribution):
        choices = list(distribution.choices)
        step = math.ceil(len(choices) / MOST_CHOICES)
        return {choice: _short(as_text(choice)) for choice in choices[::step]}
    known: Any = distribution
    if known.log:
        decades = range(math.ceil(math.log10(known.low) - 1e-9), math.floor(math.log10(known.high) + 1e-9) + 1)
        values = [known.low, *(10.0**power for power in decades), known.high]
    else:
        values = _between(known.low, known.high)
    return {value: f"{value:.4g}" for value in sorted(set(values))}


def _between(low: float, high: float) -> list[float]:
    return [low + part * (high - low) / 4 for part in range(5)] if high > low else [low]


def _axis(plot: Axes, x: int, ticks: Mapping[Any, str], place: Callable[[Any], float]) -> None:
    plot.plot([x, x], [0, 1], color=GRID, linewidth=1.2, zorder=1)
    taken: list[float] = []
    for value, text in ticks.items():
        y = place(value)
        if any(abs(y - other) < 0.05 for other in taken):
            continue
        taken.append(y)
        plot.plot([x - 0.015, x + 0.015], [y, y], color=BASELINE, linewidth=0.8, zorder=6)
        plot.annotate(
            text, (x, y), xytext=(5, 0), textcoords="offset points", va="center", fontsize=FONT_SIZE - 1,
            color=MUTED, zorder=7,
        )  # fmt: skip


def _short(text: str) -> str:
    """A choice as matplotlib takes it: what stands between two dollars would be a formula to it."""
    return (text if len(text) <= 14 else f"{text[:13]}…").replace("$", r"\$")
