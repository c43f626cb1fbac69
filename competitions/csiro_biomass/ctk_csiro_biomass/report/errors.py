"""Where the error is: by target, and by state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from ctk.contract import Section
from ctk.report import best_baseline, number, spoken
from ctk.samples import Array
from ctk_csiro_biomass.columns import STATE, TARGETS

if TYPE_CHECKING:
    from ctk.contract import Results


def section(results: Results) -> Section:
    """Mean absolute errors of the blend, and of the best baseline where there is one, on the validated rows."""
    assert results.blended is not None
    target = results.valid.target_values().astype(np.float64)
    shown = {"blend": np.abs(results.blended - target)}
    if (baseline := best_baseline(results)) is not None:
        shown[spoken(results, baseline)] = np.abs(results.oof[baseline] - target)
    state = results.valid.features.get(STATE)
    parts = {"all": np.ones(len(target), bool)}
    if state is not None:
        parts |= {str(name) or "unknown": state == name for name in np.unique(state)}
    heads = Markup("").join(Markup('<th scope="col" class="number">{}</th>').format(name) for name in TARGETS)
    body = Markup("").join(_row(name, own, shown, target) for name, own in parts.items())
    html = Markup(
        '<p class="note">Mean absolute error in grams of {}; below it the mean of the truth.</p><div class="scroll">'
        '<table><thead><tr><th scope="col">state</th><th scope="col" class="number">images</th>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>"
    ).format(" and, in brackets, of ".join(shown), heads, body)
    return Section("Errors by target and state", str(html))


def _row(name: str, own: Array, shown: dict[str, Array], target: Array) -> Markup:
    cells = Markup("").join(
        _cell([float(error[own, column].mean()) for error in shown.values()], float(target[own, column].mean()))
        for column in range(len(TARGETS))
    )
    return Markup('<tr><th scope="row">{}</th><td class="number">{:,}</td>{}</tr>').format(name, int(own.sum()), cells)


def _cell(errors: list[float], mean: float) -> Markup:
    ours, *theirs = (number(error, 2) for error in errors)
    beside = f" ({theirs[0]})" if theirs else ""
    return Markup('<td class="number">{}{}<br><small>{}</small></td>').format(ours, beside, number(mean, 1))
