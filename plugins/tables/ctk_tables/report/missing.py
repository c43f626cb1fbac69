"""Which columns lack values, and whether both sides lack as many."""

from __future__ import annotations

import math

import numpy as np
from markupsafe import Markup

from ctk.contract import Section
from ctk.samples import Samples
from ctk_tables.looks.sides import Sides
from ctk_tables.report.cells import breakable, count, missing, percent

SHOWN = 20
APART = 0.05
SURE = 5
"""Sides lack unlike parts where these are so far apart, and so many standard deviations."""


def section(sides: Sides) -> Section:
    """Bars of both sides, the column that lacks most first."""
    shares = lacking(sides)
    lack = sorted((name for name in shares if max(shares[name])), key=lambda name: -max(shares[name]))
    if not lack:
        none = Markup("<p>None: every row has a value in all {}.</p>").format(count(len(shares), "column"))
        return Section("Missing values", str(none))
    unlike = [name for name in lack if differs(*shares[name], len(sides.train), len(sides.test))]
    marked = "It is marked." if len(unlike) == 1 else "They are marked."
    said = Markup("<p>{} of {:,} {} missing values.{}</p>").format(
        f"{len(lack):,}", len(shares), "columns has" if len(lack) == 1 else "columns have",
        f" In {len(unlike):,} the parts differ between train and test, which a model may take for a sign. {marked}"
        if unlike else "",
    )  # fmt: skip
    rows = Markup("").join(_row(name, shares[name], name in unlike) for name in lack[:SHOWN])
    rest = f"{count(len(lack) - SHOWN, 'further column')} with fewer." if len(lack) > SHOWN else ""
    html = Markup(
        '{}<table class="sides"><thead><tr><th scope="col">column</th><th scope="col"></th>'
        '<th scope="col" class="number"><i class="dot s1"></i>train</th>'
        '<th scope="col" class="number"><i class="dot s2"></i>test</th></tr></thead><tbody>{}</tbody></table>'
        '<p class="note">Parts of the rows that were validated, and of the test. {}</p>'
    ).format(said, rows, rest)
    return Section("Missing values", str(html), CSS)


def lacking(sides: Sides) -> dict[str, tuple[float, float]]:
    """Parts of the rows of train and of the test that lack a column, by column."""
    kinds = sides.features("number", "boolean", "category", "date", "text")
    shares = {column: (_share(sides.train, name), _share(sides.test, name)) for name, column in kinds.items()}
    for name in sides.train.notes:
        column = sides.column_of(name)
        if column is not None and name in sides.test.notes:
            shares[column] = tuple(float(np.mean(side.notes[name] == "")) for side in (sides.train, sides.test))  # type: ignore[assignment]
    return shares


def differs(train: float, test: float, rows: int, others: int) -> bool:
    """Tell whether two parts are apart by more than chance and by enough to matter."""
    both = (train * rows + test * others) / max(1, rows + others)
    noise = math.sqrt(both * (1 - both) * (1 / max(1, rows) + 1 / max(1, others)))
    return abs(train - test) > max(APART, SURE * noise)


def _row(name: str, shares: tuple[float, float], unlike: bool) -> Markup:
    bar = Markup('<i class="bar s{}" style="--share: {:.4f}"></i>')
    return Markup(
        '<tr><th scope="row">{}{}</th><td>{}{}</td><td class="number">{}</td><td class="number">{}</td></tr>'
    ).format(
        breakable(name), Markup('<b class="tag">unlike</b>') if unlike else "",
        *(bar.format(slot, share) for slot, share in enumerate(shares, 1)), *map(percent, shares),
    )  # fmt: skip


def _share(side: Samples, name: str) -> float:
    return float(missing(np.asarray(side.features[name])).mean()) if len(side) else 0.0


CSS = """
table.sides { width: 100%; max-width: 44rem; margin-top: .75rem; }
table.sides th[scope=row] { white-space: normal; overflow-wrap: anywhere; width: 40%; }
table.sides td:nth-child(2) { width: 40%; vertical-align: middle; }
table.sides .bar { margin: 2px 0; }
"""
