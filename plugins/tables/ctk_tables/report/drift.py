"""How far the test has moved from train, column by column."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from markupsafe import Markup

from ctk.contract import Section
from ctk.report import FONT_SIZE, MUTED, SERIES, axes, figure_svg, number
from ctk.samples import Array
from ctk_tables.looks.scoring import drawn
from ctk_tables.looks.sides import Sides
from ctk_tables.report.cells import breakable, count, missing, percent, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 10
"""Of numbers: deciles of train. Of categories: the commonest levels, and the others together."""
MOVED, MUCH = 0.1, 0.25
"""Population stability index from which on a column has moved, and much so: the trade's rule of thumb."""
CHANCE = 1e-4
"""Probability that a column which has not moved is said to have: tables have hundreds of columns."""
SHOWN = 12
DRAWN = 4
ROWS = 200_000
"""Of each side at most so many rows are counted."""
CLIPPED = 0.005
"""Part of the rows at each end that a drawing leaves out."""


@dataclass(frozen=True)
class Drift:
    """How far a feature has moved.

    psi      population stability index over bins of train, missing a bin of its own
    ks       largest distance of the two distribution functions; of categories half the sum of all differences
    chance   psi that two draws of so many rows from one distribution exceed with probability CHANCE
    what     in words: the median before and after, or the level that moved most
    """

    name: str
    psi: float
    ks: float
    chance: float
    what: str

    @property
    def moved(self) -> bool:
        """Whether it is worth a look and beyond chance."""
        return self.psi >= max(MOVED, self.chance)


def section(sides: Sides) -> Section | None:
    """The columns that moved most as a table, the first few drawn."""
    drifts = drift_by_column(sides)
    if not drifts:
        return None
    moved = [each for each in drifts if each.moved]
    if moved:
        said = (
            f"{len(moved):,} of {count(len(drifts), 'column')} moved from train to test, most of all {moved[0].name}"
            f" ({moved[0].what}). Scores out of fold say less about the test the more a model leans on them."
        )
    else:
        said = (
            f"None of {count(len(drifts), 'column')} moved from train to test beyond chance: folds and test are alike."
        )
    most = max(MUCH, drifts[0].psi)
    rows = Markup("").join(
        Markup(
            '<tr><th scope="row">{}{}<small>{}</small></th><td><i class="bar {}" style="--share: {:.4f}"></i></td>'
            '<td class="number">{}</td><td class="number">{}</td></tr>'
        ).format(
            breakable(each.name), Markup('<b class="tag">moved</b>') if each.moved else "", each.what,
            "s2" if each.moved else "s0", min(1, each.psi / most), number(each.psi, 3), number(each.ks, 3),
        )
        for each in drifts[:SHOWN]
    )  # fmt: skip
    figures = Markup("").join(_figure(sides, each) for each in moved[:DRAWN])
    html = Markup(
        '<p>{}</p><table class="sides drift"><thead><tr><th scope="col">column</th><th scope="col"></th>'
        '<th scope="col" class="number">PSI</th><th scope="col" class="number">KS</th></tr></thead>'
        '<tbody>{}</tbody></table><p class="note">Population stability index over tenths of train: {} is worth a look,'
        " {} is much. KS is the largest distance of the two distributions. Train is the rows that were validated.{}</p>"
    ).format(
        said, rows, MOVED, MUCH, f" {count(len(drifts) - SHOWN, 'further column')} moved less." * (len(drifts) > SHOWN)
    )
    if moved:
        html += Markup(
            '<ul class="legend"><li><i class="dot s1"></i>train</li><li><i class="dot s2"></i>test</li></ul>'
            '<div class="pair">{}</div>'
        ).format(figures)
    return Section("Drift by column", str(html), CSS)


def drift_by_column(sides: Sides) -> list[Drift]:
    """Drift of each column of numbers and categories, of a date its worst part; the largest first.

    Columns of times and groups are meant to differ and left out.
    """
    if not len(sides.train) or not len(sides.test):
        return []
    meant = (sides.description.time, sides.description.group)
    rows = [drawn(len(side), ROWS, sides.seed) for side in (sides.train, sides.test)]
    found: dict[str, Drift] = {}
    for name, column in sides.features().items():
        if column in meant:
            continue
        drift = drift_of(
            name,
            *(np.asarray(side.features[name])[of] for side, of in zip((sides.train, sides.test), rows, strict=True)),
        )
        if column not in found or drift.psi > found[column].psi:
            found[column] = drift
    return sorted(found.values(), key=lambda each: -each.psi)


def drift_of(name: str, train: Array, test: Array) -> Drift:
    """Compare the values (N,) and (M,) of a feature."""
    if train.dtype.kind == "U":
        levels, places = _levels(train, test)
        ours, theirs = (np.bincount(place, minlength=len(levels)) / max(1, len(place)) for place in places)
        differences = np.abs(theirs - ours)
        worst = int(differences.argmax())
        level = levels[worst] or "missing"
        what = f"{level}: {percent(float(ours[worst]))} → {percent(float(theirs[worst]))}"
        ks = float(differences.sum()) / 2
    else:
        binned = _binned(train, test)
        size = int(max(place.max(initial=0) for place in binned)) + 1
        ours, theirs = (np.bincount(place, minlength=size) / max(1, len(place)) for place in binned)
        lacking = [float(missing(values).mean()) for values in (train, test)]
        known = [np.sort(values[~missing(values)].astype(np.float64)) for values in (train, test)]
        what, ks = "all missing on one side", 1.0
        if all(map(len, known)):
            at = np.concatenate(known)
            shares = [np.searchsorted(values, at, side="right") / len(values) for values in known]
            ks = float(np.abs(shares[0] - shares[1]).max())
            what = _what(known[0], known[1], lacking[0], lacking[1], ks)
    psi = stability(ours, theirs, len(train), len(test))
    used = int(((ours > 0) | (theirs > 0)).sum())
    return Drift(name, psi, ks, by_chance(used, len(train), len(test)), what)


def _what(train: Array, test: Array, lacking: float, lacking_there: float, ks: float) -> str:
    if abs(lacking - lacking_there) > ks:
        return f"missing {percent(lacking)} → {percent(lacking_there)}"
    if np.isin(train, (0, 1)).all() and np.isin(test, (0, 1)).all():
        return f"yes {percent(float(train.mean()))} → {percent(float(test.mean()))}"
    return f"median {plain(float(np.median(train)))} → {plain(float(np.median(test)))}"


def stability(ours: Array, theirs: Array, rows: int, others: int) -> float:
    """Population stability index of two lists of parts; an empty bin counts as half a row."""
    first, second = np.maximum(ours, 0.5 / rows), np.maximum(theirs, 0.5 / others)
    used = (ours > 0) | (theirs > 0)
    return float(((second - first) * np.log(second / first))[used].sum())


def by_chance(bins: int, rows: int, others: int) -> float:
    """Index that two draws from one distribution exceed with probability CHANCE.

    It is (1/n + 1/m) times chi squared with one degree of freedom less than bins (Yurdakul 2018), whose quantile is
    Wilson and Hilferty's (1931).
    """
    freedom = max(1, bins - 1)
    z = NormalDist().inv_cdf(1 - CHANCE)
    quantile: float = freedom * (1 - 2 / (9 * freedom) + z * (2 / (9 * freedom)) ** 0.5) ** 3
    return (1 / rows + 1 / others) * quantile


def _binned(train: Array, test: Array) -> tuple[Array, Array]:
    """Numbers of the bins between quantiles of train; 0 is missing."""
    known = train[~missing(train)]
    edges = np.unique(np.quantile(known, np.arange(1, BINS) / BINS)) if len(known) else np.empty(0)
    train_place, test_place = (
        np.where(missing(values), 0, np.searchsorted(edges, values, side="left") + 1) for values in (train, test)
    )
    return train_place, test_place


def _levels(train: Array, test: Array) -> tuple[list[str], list[Array]]:
    """The commonest levels of both sides and "others", and each row's place among them."""
    shares = [pd.Series(values.astype(object)).value_counts(normalize=True) for values in (train, test)]
    common = pd.concat(shares).groupby(level=0).sum()
    levels = [str(level) for level in common.sort_values(ascending=False, kind="stable").index[: 2 * BINS]]
    places = [pd.Index(levels).get_indexer(pd.Index(values.astype(object))) for values in (train, test)]
    if len(common) > len(levels):
        levels.append("others")
        places = [np.where(place < 0, len(levels) - 1, place) for place in places]
    return levels, places


def _figure(sides: Sides, drift: Drift) -> Markup:
    train, test = (np.asarray(side.features[drift.name]) for side in (sides.train, sides.test))
    figure, plot = axes()
    if train.dtype.kind == "U":
        _draw_levels(plot, train, test)
    else:
        _draw_numbers(plot, train, test)
    label = f"Distribution of {drift.name} in train and test, {drift.what}"
    return Markup("<figure><figcaption>{}</figcaption>{}</figure>").format(
        drift.name, Markup(figure_svg(figure, label))
    )


def _draw_numbers(plot: Axes, train: Array, test: Array) -> None:
    known = [values[~missing(values)].astype(np.float64) for values in (train, test)]
    both = np.concatenate(known)
    low, high = np.quantile(both, [CLIPPED, 1 - CLIPPED])
    whole = len(np.unique(both)) <= 2 * BINS and (both == both.round()).all()
    edges = np.arange(low - 0.5, high + 1) if whole else np.linspace(low, high if high > low else low + 1, 25)
    for values, colour in zip(known, SERIES, strict=False):
        shares = np.histogram(values, edges)[0] / max(1, len(values))
        plot.stairs(100 * shares, edges, color=colour, linewidth=1.5)
        plot.stairs(100 * shares, edges, color=colour, alpha=0.15, fill=True)
    plot.set_ylabel("% of rows", fontsize=FONT_SIZE, color=MUTED)


def _draw_levels(plot: Axes, train: Array, test: Array) -> None:
    levels, places = _levels(train, test)
    shares = [np.bincount(place, minlength=len(levels)) / max(1, len(place)) for place in places]
    order = np.argsort(-np.abs(shares[1] - shares[0]), kind="stable")[:6][::-1]
    for share, colour, shift in zip(shares, SERIES, (0.19, -0.19), strict=False):
        plot.barh(np.arange(len(order)) + shift, 100 * share[order], 0.36, color=colour)
    plot.set_yticks(range(len(order)), [(levels[at] or "missing")[:18] for at in order])
    plot.grid(axis="y", visible=False)
    plot.set_xlabel("% of rows", fontsize=FONT_SIZE, color=MUTED)


CSS = """
table.drift small { display: block; color: var(--muted); }
.drift + .note { margin-top: .6rem; }
"""
