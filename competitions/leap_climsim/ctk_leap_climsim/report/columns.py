"""The 368 columns as the report shows them: their R2, and which have none that says anything of a model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctk.report import best_baseline, spoken
from ctk.samples import Array
from ctk_leap_climsim.columns import EXACT_TARGETS, TARGETS
from ctk_leap_climsim.postprocess import decided, weights_of
from ctk_leap_climsim.r2 import r2_of

if TYPE_CHECKING:
    from ctk.contract import Results

BLEND = "blend"
VARYING = "r2_varying"
"""The score that is shown: mean R2 of the columns that vary and that members decide."""
KINDS = ("zero", "exact", "constant")


@dataclass(frozen=True)
class Columns:
    """The 368 columns.

    r2        by name, the blend's first, then the best baseline's if there is one: (368,) float64 on the validation
              rows
    baseline  member key of that baseline
    kinds     by KINDS, (368,) bool: weight 0, known exactly, or not moving; no column is of two kinds
    """

    r2: Mapping[str, Array]
    baseline: str | None
    kinds: Mapping[str, Array]

    @property
    def scored(self) -> Array:
        """(368,) bool: columns that vary and that members decide, the ones that ``r2_varying`` is the mean of."""
        return np.asarray(~np.any(list(self.kinds.values()), axis=0))


def columns_of(results: Results) -> Columns:
    """R2 by column of the blend and of the best baseline; each is read in blocks of rows."""
    assert results.valid.target is not None
    weights = weights_of(results.valid)
    baseline = best_baseline(results, VARYING)
    assert results.blended is not None
    shown = {BLEND: results.blended}
    if baseline is not None:
        shown[spoken(results, baseline)] = results.oof[baseline]
    r2 = {}
    for name, values in shown.items():
        r2[name], varies = r2_of(values.__getitem__, results.valid.target, weights)
    exact = np.zeros(len(TARGETS), bool)
    exact[EXACT_TARGETS] = True
    zero = weights == 0
    constant = ~zero & ~exact & ~(varies & decided(results.valid))
    return Columns(r2, baseline, {"zero": zero, "exact": exact & ~zero, "constant": constant})


def score(results: Results, key: str) -> float:
    """Mean R2 over the columns that vary, of a member key or BLEND; nan where it was not evaluated."""
    return float(results.scores.get(key, {}).get(VARYING, math.nan))
