"""The figures of search.html: history, parallel coordinates, the score over each parameter."""

from __future__ import annotations

import math
import statistics
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.trial import FrozenTrial, TrialState

from ctk.contract import Metric
from ctk.report import BASELINE, FONT_SIZE, GRID, INK, MUTED, SERIES, axes, figure_svg
from ctk_search.outcomes import ranked, share_of
from ctk_search.page.importance import study_of
from ctk_search.results import best_value
from ctk_search.space import as_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BEST = 0.1
"""Part of the finished trials that is drawn in colour."""
ROOM = 48
"""Characters that fit below one small plot; where choices are longer together, only some are named."""


def history(trials: Sequence[FrozenTrial], metric: Metric) -> str:
    """Each trial's score in their order, and the best so far, as SVG."""
    from matplotlib.ticker import MaxNLocator

    figure, plot = axes(9.6, 3.1)
    scores = pd.Series({trial.number: best_value(trial, metric) for trial in trials}, dtype=float)
    finished, pruned, failed = (
        [trial.number for trial in trials if trial.state == state]
        for state in (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
    )
    whole = [trial.number for trial in trials if trial.number in finished and share_of(trial) == 1] or finished
    if whole:
        best = metric.sign * (metric.sign * scores[whole]).cummax()
        plot.step(
            [*best.index, scores.index.max()], [*best, best.iloc[-1]], where="post", color=INK, linewidth=1.2, zorder=3
        )
        first = best.index[best == best.iloc[-1]][0]
        plot.plot(first, best[first], "o", color=SERIES[1], markersize=6, zorder=5)
    shown = frame(scores[finished].tolist() or [0.0], metric)
    _dots(plot, finished, scores[finished], shown, color=SERIES[0], markersize=3.6, zorder=4)
    _dots(plot, pruned, scores[pruned], shown, color=BASELINE, markersize=3.2, mfc="none", zorder=2)
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
    best = max(scores, key=metric.merit)
    away = [abs(best - score) for score in scores]
    limit = 3 * statistics.median(away)
    if not limit or max(away) <= 1.5 * limit:
        limit = max(away)
    worst = best - metric.sign * limit
    return min(best, worst), max(best, worst)


def parallel(ranked: Sequence[FrozenTrial], labels: Mapping[str, str], metric: Metric) -> str:
    """A line for each trial that has a score, through its values on one axis for each parameter, as SVG."""
    from matplotlib import pyplot, rc_context
    from matplotlib.text import Text
    from matplotlib.ticker import LogFormatter
    from optuna.visualization.matplotlib import plot_parallel_coordinate

    low, high = frame([_value(trial) for trial in ranked], metric)
    shown = [trial for trial in reversed(ranked) if low <= _value(trial) <= high]
    study = study_of(shown, metric.direction, labels)
    size: Any = {"figure.figsize": (9.6, 3.6), "figure.constrained_layout.use": True}
    with rc_context(size), warnings.catch_warnings(action="ignore", category=ExperimentalWarning):
        plot: Any = plot_parallel_coordinate(study, list(labels.values()), target_name=metric.name)
    figure = plot.get_figure()
    pyplot.close(figure)
    plot.set_title("")
    (lines,) = plot.collections
    lines.colorbar.remove()
    scores = metric.sign * lines.get_array()
    near = sorted(scores)[-math.ceil(BEST * len(scores))]
    looks = [
        (SERIES[1], 2.0) if score == max(scores) else (SERIES[0], 1.3) if score >= near else (f"{BASELINE}59", 0.7)
        for score in scores
    ]
    lines.set(array=None, colors=[colour for colour, _ in looks], linewidths=[width for _, width in looks])
    for text in figure.findobj(Text):
        text.set(color=MUTED, fontsize=FONT_SIZE, parse_math=False)
    for axis in figure.axes:
        axis.spines[:].set_color(GRID)
        axis.tick_params(color=BASELINE, which="both")
        if axis.get_yscale() == "log":
            axis.yaxis.set(major_formatter=LogFormatter(), minor_formatter=LogFormatter())
    return figure_svg(figure, f"The values of {len(shown)} trials, parameter by parameter")


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


def _dots(plot: Axes, xs: Sequence[float], scores: Iterable[float], shown: tuple[float, float], **look: Any) -> None:
    """Dots; what is beyond the frame as a triangle at its edge that points there."""
    low, high = shown
    room = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
    plot.set_ylim(low - room, high + room)
    placed = pd.Series(list(scores), index=list(xs), dtype=float)
    for marker, some in (("o", placed.between(low, high)), ("^", placed > high), ("v", placed < low)):
        heights = placed[some].clip(low - room / 2, high + room / 2)
        plot.plot(heights.index, heights, marker, alpha=0.85, **look)


def _value(trial: FrozenTrial) -> float:
    return math.nan if trial.value is None else trial.value


def _short(text: str) -> str:
    """A choice as matplotlib takes it: what stands between two dollars would be a formula to it."""
    return (text if len(text) <= 14 else f"{text[:13]}…").replace("$", r"\$")
