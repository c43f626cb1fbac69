"""R2 by level and variable, the blend's beside the best baseline's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from ctk.contract import Section
from ctk.report import BASELINE, figure_svg, number, spoken
from ctk.samples import Array
from ctk_leap_climsim.columns import LEVELS, SURFACE, TARGETS, TENDENCIES
from ctk_leap_climsim.report import panel
from ctk_leap_climsim.report.columns import BLEND, KINDS, Columns, score

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ctk.contract import Results

LOWEST = -0.25
"""R2 below this is drawn at the edge: a prediction can be worse than the mean without bound."""
SYNTHETIC = Markup(
    '<p class="note">The columns of air are synthetic, the schemes that move them real: how well they are predicted'
    " says nothing of the competition's own data.</p>"
)
SAID = {"zero": "counts as zero", "exact": "known exactly", "constant": "constant in these data"}
SURFACE_CALLED = {
    "cam_out_NETSW": "net shortwave",
    "cam_out_FLWDS": "longwave down",
    "cam_out_PRECSC": "snow",
    "cam_out_PRECC": "rain",
    "cam_out_SOLS": "visible, direct",
    "cam_out_SOLL": "near infrared, direct",
    "cam_out_SOLSD": "visible, diffuse",
    "cam_out_SOLLD": "near infrared, diffuse",
}


def section(results: Results, columns: Columns) -> Section:
    """The sentence, a panel a tendency, and bars for the targets at the surface."""
    panels = Markup("").join(
        Markup("<figure>{}{}</figure>").format(panel.caption(name, _mean(columns, name)), Markup(plot(name, columns)))
        for name in TENDENCIES
    )
    html = Markup(
        '{said}<p class="note">R2 of each of the 60 levels on the validation rows; 1 is perfect, 0 no better than the'
        " mean. Level 0 is the top of the atmosphere, 59 the surface.{cut}</p>"
        '<ul class="legend">{legend}</ul><div class="levels">{panels}</div>'
        "<h3>At the surface</h3>{surface}"
    ).format(
        said=sentence(results, columns),
        cut=f" What is below {number(LOWEST, 2)} is drawn at the left edge." if _is_cut(columns) else "",
        legend=legend(columns),
        panels=panels,
        surface=surface(columns),
    )
    return Section("R2 by level and variable", str(html), css=panel.CSS + CSS)


def sentence(results: Results, columns: Columns) -> Markup:
    """Mean R2 of the columns that vary, of the blend and each baseline, and how far they lie apart."""
    ours = score(results, BLEND)
    varying = int(columns.scored.sum())
    if not varying:
        return Markup("<p>No column varies that is not known exactly, so there is no R2 to compare.</p>")
    others = [
        Markup("{} {}'s {}").format(_apart(ours - theirs), spoken(results, key), number(theirs))
        for key in sorted(results.baselines)
        for theirs in [score(results, key)]
    ]
    said = Markup("Over the {} of {} columns that vary and are not known exactly, the blend's mean R2 is {}{}.").format(
        varying, len(TARGETS), number(ours), Markup(", ") + _listed(others) if others else ""
    )
    if columns.baseline is not None:
        blend, baseline = (each[columns.scored] for each in columns.r2.values())
        said += Markup(" It is ahead of {} in {} of them.").format(
            spoken(results, columns.baseline), int((blend > baseline).sum())
        )
    note = SYNTHETIC if "synthetic" in results.about.lower() else ""
    return Markup("<p>{}</p>{}").format(said, note)


def legend(columns: Columns) -> Markup:
    """The two lines, and the kinds of columns that there are."""
    lines = [
        Markup('<li><i class="stroke s{}{}"></i>{}</li>').format(int(not at), " thin" * bool(at), name)
        for at, name in enumerate(columns.r2)
    ]
    kinds = [
        Markup('<li><i class="band {}"></i>{}</li>').format(kind, SAID[kind])
        for kind in KINDS
        if columns.kinds[kind][: len(TENDENCIES) * LEVELS].any()
    ]
    return Markup("").join(lines + kinds)


def plot(name: str, columns: Columns) -> str:
    """R2 of a tendency by level as SVG: lines, the gain or loss between them filled, columns without R2 marked."""
    figure, axis = panel.panel()
    of, level = panel.columns(name), np.arange(LEVELS)
    lines = [np.where(columns.scored[of], np.maximum(values[of], LOWEST), np.nan) for values in columns.r2.values()]
    axis.set_xlim(LOWEST, 1.0)
    axis.set_xticks([0, 0.5, 1], ["0", ".5", "1"])
    panel.draw_bands(axis, columns.kinds, name)
    if len(lines) == 2:
        ours, theirs = lines
        for where, colour in ((ours >= theirs, panel.BLEND_COLOUR), (ours < theirs, panel.WORSE_COLOUR)):
            axis.fill_betweenx(level, theirs, ours, where=where, interpolate=True, color=colour, alpha=0.2, linewidth=0)
        _line(axis, theirs, level, BASELINE, 1.0)
    _line(axis, lines[0], level, panel.BLEND_COLOUR, 1.6)
    return figure_svg(figure, f"R2 of {name} by level: {', '.join(columns.r2)}")


def surface(columns: Columns) -> Markup:
    """A table with bars: R2 of the eight targets that have no levels."""
    head = Markup("").join(Markup('<th scope="col" class="number">{}</th>').format(name) for name in columns.r2)
    rows = []
    for name in SURFACE:
        at = TARGETS.index(name)
        kind = next((kind for kind in KINDS if columns.kinds[kind][at]), None)
        values = [float(each[at]) for each in columns.r2.values()]
        if kind is not None:
            cells = Markup('<td class="missing" colspan="{}">{}</td>').format(len(values) + 1, SAID[kind])
        else:
            bars = Markup("").join(
                Markup('<i class="bar s{}" style="--share: {:.4f}"></i>').format(int(not which), _share(value))
                for which, value in enumerate(values)
            )
            numbers = Markup("").join(Markup('<td class="number">{}</td>').format(number(value)) for value in values)
            cells = Markup('<td class="wide">{}</td>{}').format(bars, numbers)
        rows.append(
            Markup('<tr><th scope="row">{}<span>{}</span></th>{}</tr>').format(
                name.removeprefix("cam_out_"), SURFACE_CALLED[name], cells
            )
        )
    return Markup(
        '<table class="surface"><thead><tr><th></th><th class="wide"></th>{}</tr></thead><tbody>{}</tbody></table>'
    ).format(head, Markup("").join(rows))


def _mean(columns: Columns, name: str) -> Markup:
    """What stands under a panel's name: what the tendency is, and its mean R2 over the levels that vary."""
    of = panel.columns(name)
    scored = columns.scored[of]
    if not scored.any():
        return Markup("{}<br>no level to predict").format(panel.CALLED[name])
    means = [number(float(values[of][scored].mean()), 2) for values in columns.r2.values()]
    names = ["mean", *list(columns.r2)[1:]]
    return Markup("{}<br>{}").format(
        panel.CALLED[name], ", ".join(f"{name} {value}" for name, value in zip(names, means, strict=True))
    )


def _line(axis: Axes, values: Array, level: Array, colour: str, width: float) -> None:
    axis.plot(values, level, color=colour, linewidth=width, solid_joinstyle="round")
    alone = [first for first, last in panel.runs(np.isfinite(values)) if first == last]
    axis.plot(values[alone], level[alone], "o", color=colour, markersize=2 * width)


def _listed(items: Sequence[Markup]) -> Markup:
    """One; one and two; one, two and three."""
    *most, last = items
    return Markup(" and ").join([Markup(", ").join(most), last] if most else [last])


def _apart(difference: float) -> str:
    if not math.isfinite(difference):
        return "not to be compared with"
    return f"{number(abs(difference))} {'above' if difference >= 0 else 'below'}"


def _share(value: float) -> float:
    return min(max(value, 0.0), 1.0) if math.isfinite(value) else 0.0


def _is_cut(columns: Columns) -> bool:
    series = columns.scored.copy()
    series[len(TENDENCIES) * LEVELS :] = False
    return any(bool((values[series] < LOWEST).any()) for values in columns.r2.values())


CSS = """
.surface { width: 100%; max-width: 44rem; }
.surface th span { display: block; color: var(--muted); font-size: .8125rem; }
.surface td, .surface th { vertical-align: middle; }
.surface .wide { width: 99%; min-width: 5rem; padding-left: .25rem; }
.surface .bar { height: .55em; }
.surface .bar + .bar { height: .3em; margin-top: 2px; }
@media (max-width: 44rem) { .surface th span { white-space: normal; } .surface th, .surface td { padding-right: .5rem; }
  .surface tbody th { min-width: 6.5rem; } }
"""
