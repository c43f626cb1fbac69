"""Where the blend errs: rows by what they have in each column, the worst segments first."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from markupsafe import Markup

from ctk.contract import Section
from ctk.report import decimals_for, number
from ctk.samples import Array
from ctk_tables.looks.sides import Sides
from ctk_tables.report.cells import breakable, missing, percent, plain
from ctk_tables.report.losses import Losses, losses_of
from ctk_tables.report.truth import truth_table

if TYPE_CHECKING:
    from ctk.contract import Results

BINS = 5
"""Of numbers: fifths of the validated rows; of few different ones each is a segment."""
FEW = 8
LEVELS = 50
"""Of more levels the commonest."""
FEWEST, SHARE = 20, 0.01
"""Rows that a segment has at least."""
CONFIDENCE = 0.95
DISCOVERIES = 0.05
"""Of the segments that are called worse beyond chance, such a part is so by chance (Benjamini and Hochberg 1995)."""
SHOWN, MORE = 12, 60


@dataclass(frozen=True)
class Segment:
    """Rows that have something in common.

    column, value  what: ``age``, ``31 to 40``
    rows           how many
    mean           of their losses; low, high: its interval of CONFIDENCE
    worse          probability that chance makes it so much worse than all rows
    """

    column: str
    value: str
    rows: int
    mean: float
    low: float
    high: float
    worse: float


def section(results: Results, sides: Sides) -> Section | None:
    """A table of the worst segments, further ones folded away, and what the truth's own values look like."""
    if results.blended is None or sides.train.target is None:
        return None
    prediction, target = np.asarray(results.blended), np.asarray(sides.train.target)
    losses = losses_of(prediction, target, sides.description)
    overall = float(losses.rows.mean())
    found = segments_of(sides, losses)
    truth = truth_table(prediction.reshape(target.shape), target, sides.description)
    if not found:
        return Section("Errors by segment", str(Markup("<p>{}</p>{}").format(_too_few(len(losses.rows)), truth)), CSS)
    worse = beyond_chance(found)
    shown = losses.shown
    decimals = min(5, decimals_for([shown(segment.mean) for segment in found[:MORE]]))

    def said_as(value: float) -> str:
        return percent(value) if losses.counted else number(value, decimals)

    said = Markup("<p>Of {:,} segments {} worse than all rows together, beyond chance.{}</p>").format(
        len(found),
        f"{len(worse):,} are" if len(worse) > 1 else "one is" if worse else "none is",
        " Look there first: at rows, features and weights of members." if worse else "",
    )
    note = Markup(
        '<p class="note">{}{} of the blend, out of fold: {} over all {:,} rows (the line). Worst first, by the lower'
        " end of the interval ({:.0%}), so that a few unlucky rows do not lead. Fifths of numbers, levels of"
        " categories; segments of at least {:,} rows.</p>"
    ).format(
        losses.name[0].upper(), losses.name[1:], said_as(shown(overall)), len(losses.rows), CONFIDENCE,
        _fewest(len(losses.rows)),
    )  # fmt: skip
    most = max(shown(min(segment.high, 3 * segment.mean)) for segment in found[:MORE])

    def table(some: list[Segment]) -> Markup:
        rows = Markup("").join(
            _row(segment, segment in worse, losses, most, shown(overall), said_as) for segment in some
        )
        return Markup(
            '<table class="segments"><thead><tr><th scope="col">segment</th><th scope="col" class="number">rows</th>'
            '<th scope="col" class="number">error</th><th scope="col" class="range"></th></tr></thead>'
            "<tbody>{}</tbody></table>"
        ).format(rows)

    html = said + note + table(found[:SHOWN])
    if found[SHOWN:MORE]:
        html += Markup("<details><summary>{:,} further segments</summary>{}</details>").format(
            len(found[SHOWN:MORE]), table(found[SHOWN:MORE])
        )
    return Section("Errors by segment", str(html + truth), CSS)


def segments_of(sides: Sides, losses: Losses) -> list[Segment]:
    """Segments of all columns of train, the worst first by the lower end of their intervals."""
    fewest, overall = _fewest(len(losses.rows)), float(losses.rows.mean())
    masks = [
        (name, value, mask)
        for name in sides.features()
        for value, mask in _parts(np.asarray(sides.train.features[name]))
        if fewest <= mask.sum() < len(mask)
    ]
    normal = NormalDist()
    z = normal.inv_cdf((1 + CONFIDENCE) / 2)
    found = []
    for name, value, mask in masks:
        own = losses.rows[mask]
        mean, noise = (
            float(own.mean()),
            float((losses.rows if losses.counted else own).std(ddof=1)) / math.sqrt(len(own)),
        )
        worse = 1 - normal.cdf((mean - overall) / noise) if noise else float(mean <= overall)
        found.append(Segment(name, value, len(own), mean, *interval(own, z, losses.counted), worse))
    return sorted(found, key=lambda segment: (-segment.low, segment.column, segment.value))


def beyond_chance(segments: list[Segment]) -> set[Segment]:
    """Return the segments that are worse than all rows beyond chance, though many were looked at; see DISCOVERIES."""
    ranked = sorted(segments, key=lambda segment: segment.worse)
    last = max((n for n, each in enumerate(ranked, 1) if each.worse <= DISCOVERIES * n / len(ranked)), default=0)
    return set(ranked[:last])


def interval(losses: Array, z: float, counted: bool) -> tuple[float, float]:
    """Interval of the mean of losses, z standard errors wide to each side; of zeros and ones Wilson's (1927)."""
    rows, mean = len(losses), float(losses.mean())
    if counted:
        middle = (mean + z * z / (2 * rows)) / (1 + z * z / rows)
        half = z / (1 + z * z / rows) * math.sqrt(mean * (1 - mean) / rows + z * z / (4 * rows * rows))
        return middle - half, middle + half
    half = z * float(losses.std(ddof=1)) / math.sqrt(rows) if rows > 1 else math.inf
    return max(0.0, mean - half), mean + half


def _parts(values: Array) -> Iterator[tuple[str, Array]]:
    lacks = missing(values)
    if lacks.any():
        yield "missing", lacks
    if values.dtype.kind == "U":
        common = pd.Series(values[~lacks].astype(object)).value_counts().index[:LEVELS]
        yield from ((str(level), values == level) for level in common)
        return
    known = np.unique(values[~lacks])
    if len(known) <= FEW:
        yield from ((plain(value), values == value) for value in known)
        return
    edges = np.unique(np.quantile(values[~lacks], np.arange(1, BINS) / BINS))
    place = np.where(lacks, -1, np.searchsorted(edges, values, side="left"))
    for bin in range(len(edges) + 1):
        if (own := place == bin).any():
            yield f"{plain(values[own].min())} to {plain(values[own].max())}", own


def _fewest(rows: int) -> int:
    return max(FEWEST, round(SHARE * rows))


def _too_few(rows: int) -> str:
    return f"{rows:,} validated rows are too few to be told apart by columns: a segment needs {_fewest(rows):,}."


def _row(
    segment: Segment, sure: bool, losses: Losses, most: float, overall: float, said_as: Callable[[float], str]
) -> Markup:
    low, mean, high = (losses.shown(value) for value in (segment.low, segment.mean, segment.high))
    scale = 100 / most if most else 0
    return Markup(
        '<tr{}><th scope="row"><b>{}</b> {}</th><td class="number">{:,}</td>'
        '<td class="number">{}<small>{} to {}</small></td>'
        '<td class="range"><i style="--low: {:.2f}%; --high: {:.2f}%; --mean: {:.2f}%; --all: {:.2f}%"></i></td></tr>'
    ).format(
        Markup(' class="sure"') if sure else "", breakable(segment.column), segment.value, segment.rows,
        said_as(mean), said_as(low), said_as(high),
        *(min(100, value * scale) for value in (low, high, mean, overall)),
    )  # fmt: skip


CSS = """
table.segments { width: 100%; max-width: 52rem; margin-top: .75rem; }
table.segments th[scope=row] { white-space: normal; overflow-wrap: anywhere; }
table.segments th b { font-weight: 600; margin-right: .35em; }
table.segments small { display: block; color: var(--muted); }
table.segments .range { width: 34%; min-width: 5rem; padding: 0 0 0 1rem; vertical-align: middle; }
.range i { display: block; position: relative; height: 1.5rem; border-left: 1px solid var(--line);
  background: linear-gradient(var(--muted), var(--muted)) var(--all) 0 / 1px 100% no-repeat; }
.range i::before, .range i::after { content: ""; position: absolute; background: var(--s1); }
.range i::before { left: var(--low); width: calc(var(--high) - var(--low)); top: calc(50% - 1px); height: 2px; }
.range i::after { left: calc(var(--mean) - 4px); width: 8px; height: 8px; top: calc(50% - 4px); border-radius: 50%; }
.sure .range i::before, .sure .range i::after { background: var(--s2); }
table.segments .sure td:nth-child(3) { color: var(--s2); font-weight: 600; }
table.segments .sure small { font-weight: 400; }
@media (max-width: 44rem) {
  table.segments .range { width: 26%; padding-left: .6rem; }
  table.segments td.number { padding-left: .4rem; }
  table.truth :is(th, td) { padding-left: 0; padding-right: .5rem; }
}
"""
