"""Where the error is: by horizon and axis, and by how many rows a scene has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from ctk.contract import Section
from ctk.report import SERIES, axes, best_baseline, figure_svg, number, spoken
from ctk.samples import Array
from ctk_atmacup_18.columns import AXES, AXIS, HORIZONS
from ctk_atmacup_18.evaluation import absolute_error

if TYPE_CHECKING:
    from ctk.contract import Results


def section(results: Results) -> Section:
    """Mean absolute errors of the blend and of the best baseline, on the validated rows."""
    assert results.blended is not None
    shown = {"blend": absolute_error(results.blended, results.valid)}
    if (baseline := best_baseline(results)) is not None:
        shown[spoken(results, baseline)] = absolute_error(results.oof[baseline], results.valid)
    html = Markup(
        '<p class="note">Mean absolute error in metres of {}.</p>'
        '<div class="pair"><figure><figcaption>By horizon and axis</figcaption>{}</figure>'
        '<div><div class="scroll">{}</div>{}</div></div>'
    ).format(
        " and, dashed and in brackets, of ".join(shown),
        Markup(_plot(shown)),
        _by_horizon(shown),
        _by_rows(results, shown),
    )
    return Section("Errors by horizon, axis and scene", str(html))


def _plot(shown: Mapping[str, Array]) -> str:
    figure, plot = axes()
    for (name, error), style in zip(shown.items(), ("-", (0, (3, 2))), strict=False):
        for axis, colour in zip(AXES, SERIES, strict=False):
            values = error[:, axis == AXIS].mean(axis=0)
            label = axis if name == "blend" else None
            plot.plot(HORIZONS, values, color=colour, linestyle=style, linewidth=1.6, label=label)
    plot.set_yscale("log")
    plot.set_xticks(HORIZONS, [f"{horizon:g} s" for horizon in HORIZONS])
    plot.yaxis.set_major_formatter(lambda value, place: f"{value:g} m")
    plot.legend(frameon=False, ncols=3, loc="upper left")
    return figure_svg(figure, "mean absolute error by horizon, a line for each axis")


def _by_horizon(shown: Mapping[str, Array]) -> Markup:
    rows = [
        (f"{horizon:g} s", [[error[:, 3 * point + axis] for error in shown.values()] for axis in range(len(AXES))])
        for point, horizon in enumerate(HORIZONS)
    ]
    every = [[error[:, axis == AXIS] for error in shown.values()] for axis in AXES]
    return _table(["ahead", *AXES], [*rows, ("all", every)])


def _by_rows(results: Results, shown: Mapping[str, Array]) -> Markup:
    """Nothing where the samples do not say how many rows a scene has."""
    if "scene-rows" not in results.valid.groups:
        return Markup("")
    size = results.valid.groups["scene-rows"]
    rows = [
        (f"{count} ({(size == count).sum():,} validated)", [[error[size == count] for error in shown.values()]])
        for count in np.unique(size).tolist()
    ]
    return Markup('<div class="scroll">{}</div>').format(_table(["rows of the scene", "error"], rows))


def _table(head: list[str], rows: list[tuple[str, list[list[Array]]]]) -> Markup:
    """A table of the blend's mean, and the baseline's in brackets behind it."""
    heads = Markup("").join(Markup('<th scope="col" class="{}">{}</th>').format("number" * bool(n), name)
                            for n, name in enumerate(head))  # fmt: skip
    body = Markup("").join(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(name, Markup("").join(map(_cell, cells)))
        for name, cells in rows
    )
    return Markup("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(heads, body)


def _cell(errors: list[Array]) -> Markup:
    ours, *theirs = (number(float(error.mean())) for error in errors)
    return Markup('<td class="number">{}{}</td>').format(ours, f" ({theirs[0]})" if theirs else "")
