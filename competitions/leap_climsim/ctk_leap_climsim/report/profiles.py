"""Predicted and true profiles of a few columns of air."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from ctk.contract import Section
from ctk.report import BASELINE, INK, figure_svg, number, spoken
from ctk.samples import Array
from ctk_leap_climsim.columns import INPUTS, LEVELS, TENDENCIES
from ctk_leap_climsim.report import panel
from ctk_leap_climsim.report.choice import JUDGED, Chosen, chosen
from ctk_leap_climsim.report.columns import BLEND, Columns

if TYPE_CHECKING:
    from ctk.contract import Results

DAY = 86_400
"""s"""
UNITS = {
    "ptend_t": ("K/day", DAY),
    **dict.fromkeys(("ptend_q0001", "ptend_q0002", "ptend_q0003"), ("g/kg/day", 1e3 * DAY)),
    **dict.fromkeys(("ptend_u", "ptend_v"), ("m/s/day", DAY)),
}
"""Units to read in, and what the tables' are multiplied by."""
TRUTH = "truth"


def sections(results: Results, columns: Columns) -> list[Section]:
    """A row of panels a column of air; nothing where no heating or moistening varies."""
    names = [name for name in TENDENCIES if columns.scored[panel.columns(name)].any()]
    some = chosen(results, columns.scored)
    if not names or not some:
        return []
    assert results.valid.target is not None
    assert results.blended is not None
    sources = {TRUTH: results.valid.target, BLEND: results.blended}
    if columns.baseline is not None:
        sources[spoken(results, columns.baseline)] = results.oof[columns.baseline]
    drawn = []
    for each in some:
        lines = {name: np.asarray(values[each.row], np.float64) for name, values in sources.items()}
        panels = Markup("").join(
            Markup("<figure>{}{}</figure>").format(
                panel.caption(name, f"{panel.CALLED[name]}, {UNITS[name][0]}"), Markup(plot(name, lines, columns.kinds))
            )
            for name in names
        )
        drawn.append(
            Markup('<h3>{}: R2 {}</h3><p class="note">{}</p><div class="levels">{}</div>').format(
                each.kind, number(each.r2, 2), facts(results, each), panels
            )
        )
    html = Markup(
        '<p class="note">Columns of air from three thirds of the validation time, of those in which more happens than'
        " in half of them, ranked by R2 over their own levels of {judged}: good is better than 90% of its third,"
        ' middling than 50%, bad than 10%. Scales differ.</p><ul class="legend">{legend}</ul>{drawn}'
    ).format(judged=" and ".join(JUDGED), legend=legend(list(sources)), drawn=Markup("").join(drawn))
    return [Section("Predicted and true profiles", str(html))]  # its style comes with the section of levels


def legend(names: list[str]) -> Markup:
    """A stroke a line: the truth, the blend, and thinner the baseline."""
    styles = ["truth", "s1", "s0 thin"]
    return Markup("").join(
        Markup('<li><i class="stroke {}"></i>{}</li>').format(style, name)
        for name, style in zip(names, styles, strict=False)
    )


def facts(results: Results, of: Chosen) -> str:
    """Which column of air it is and what weather it has, as far as the samples say."""
    valid = results.valid
    said = [f"Sample {valid.ids[of.row]}"]
    if "time" in valid.groups:
        said.append(f"time step {int(valid.groups['time'][of.row]):,}")
    if "columns" in valid.features:
        state = dict(zip(INPUTS, valid.features["columns"][of.row].tolist(), strict=True))
        sun = state["pbuf_SOLIN"]
        said += [
            f"{number(sun, 0)} W/m² of sun" if sun > 0 else "night",
            f"{number(100 * state['cam_in_LANDFRAC'], 0)}% land",
            f"{number(state[f'state_t_{LEVELS - 1}'], 0)} K in the lowest level",
        ]
    return ", ".join(said) + "."


def in_units(name: str, values: Array) -> Array:
    """Values of a tendency as the tables have them, in the units of UNITS."""
    return values * UNITS[name][1]


def plot(name: str, lines: Mapping[str, Array], kinds: Mapping[str, Array]) -> str:
    """A tendency over the levels as SVG.

    lines  by name, (368,) in the tables' units: the truth's, the blend's and perhaps a baseline's
    kinds  as of ``Columns``; levels that count as zero are marked and not drawn, for no answer is asked for there
    """
    from matplotlib.ticker import MaxNLocator

    figure, axis = panel.panel()
    of, level = panel.columns(name), np.arange(LEVELS)
    zero = kinds["zero"][of]
    panel.draw_bands(axis, {"zero": kinds["zero"]}, name)
    styles = [(INK, 1.5, 3.0), (panel.BLEND_COLOUR, 1.3, 4.0), (BASELINE, 0.8, 2.0)]
    for values, (colour, width, order) in zip(lines.values(), styles, strict=False):
        shown = in_units(name, values[of])
        axis.plot(
            np.where(zero, np.nan, shown), level, color=colour, linewidth=width, zorder=order, solid_joinstyle="round"
        )
    axis.xaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
    axis.margins(x=0.06)
    return figure_svg(figure, f"{name} by level in {UNITS[name][0]}: {', '.join(lines)}")
