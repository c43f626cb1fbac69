"""Mending predictions by what is known of the answer: exact and zero columns, impossible states, hopeless columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ctk.samples import Array, Samples
from ctk_leap_climsim.columns import EXACT_TARGETS, INPUTS, STEP, SURFACE, TARGETS
from ctk_leap_climsim.r2 import r2_of

ROWS = 4096
TO_MEAN = "to_mean"

WATER_STATE = slice(INPUTS.index("state_q0001_0"), INPUTS.index("state_q0003_59") + 1)
"""Vapour, cloud liquid and cloud ice among INPUTS, in the order of their tendencies."""
WATER = slice(TARGETS.index("ptend_q0001_0"), TARGETS.index("ptend_q0003_59") + 1)
"""Their tendencies among TARGETS."""
FLUXES = slice(TARGETS.index(SURFACE[0]), TARGETS.index(SURFACE[-1]) + 1)
"""Rain, snow and radiation at the surface: none is below 0."""


class Mender:
    """Mends predictions of some samples, a block of rows at a time; float64.

    In this order, each of which leaves alone what those after it know better:

    - columns in ``fitted["to_mean"]``, and those that never moved in training, become their training mean
    - no step leaves less than no water: state + STEP * tendency >= 0 for q0001, q0002 and q0003. The bound is that of
      the next larger float32 state, so that rounding of the state moves no right answer
    - rain, snow and radiation at the surface are at least 0
    - ptend_q0002_12..27 = -state_q0002 / STEP, in float64: these reach 1e-53
    - columns with weight 0 are 0

    A rule whose inputs the samples lack (those of a truth file have no features) is left out. Mending twice is mending
    once. Sources: the competition's published solutions (removal of cloud liquid; the lower bound).
    """

    def __init__(self, samples: Samples, fitted: Mapping[str, Any]) -> None:
        self.columns = samples.features.get("columns")
        self.cloud_liquid = samples.features.get("cloud_liquid")
        self.zero = weights_of(samples) == 0
        means = {
            int(column): float(samples.constants["target_mean"][column]) for column in np.flatnonzero(still(samples))
        }
        means |= {TARGETS.index(name): float(value) for name, value in fitted.get(TO_MEAN, {}).items()}
        self.to_mean, self.means = list(means), list(means.values())

    def __call__(self, prediction: Array, of: slice) -> Array:
        """(n, 368) float64 of the (n, 368) predictions of these rows."""
        mended = np.array(prediction, np.float64)
        mended[:, self.to_mean] = self.means
        if self.columns is not None:
            state = np.nextafter(self.columns[of, WATER_STATE], np.float32(np.inf))
            water = mended[:, WATER]
            np.maximum(water, state.astype(np.float64) / -STEP, out=water)
        fluxes = mended[:, FLUXES]
        np.maximum(fluxes, 0.0, out=fluxes)
        if self.cloud_liquid is not None:
            mended[:, EXACT_TARGETS] = self.cloud_liquid[of] / -STEP
        mended[:, self.zero] = 0.0
        return mended


def apply(prediction: Array, samples: Samples, fitted: Mapping[str, Any]) -> Array:
    """(N, 368) float64: mended predictions; ``fitted`` is what ``fit`` found, or empty. See ``Mender``."""
    mend = Mender(samples, fitted)
    mended = np.empty(prediction.shape)
    for start in range(0, len(prediction), ROWS):
        of = slice(start, start + ROWS)
        mended[of] = mend(prediction[of], of)
    return mended


def fit(prediction: Array, samples: Samples) -> dict[str, Any]:
    """Columns that their training mean predicts better on these samples: ``{"to_mean": {name: mean}}``.

    Columns that never moved in training are among them, so that predicting again needs no training data.
    """
    assert samples.target is not None
    weights, mean = weights_of(samples), samples.constants["target_mean"]
    mend = Mender(samples, {})
    ours, _ = r2_of(lambda of: mend(prediction[of], of), samples.target, weights)
    theirs, _ = r2_of(
        lambda of: mend(np.broadcast_to(mean, (of.stop - of.start, len(mean))), of), samples.target, weights
    )
    worse = _open(samples) & ((ours < theirs) | still(samples))
    return {TO_MEAN: {TARGETS[column]: float(mean[column]) for column in np.flatnonzero(worse)}}


def weights_of(samples: Samples) -> Array:
    """(368,) float64: what the submission's columns are multiplied by; 1 where the samples do not say."""
    return np.asarray(samples.constants.get("weights", np.ones(len(TARGETS))), np.float64)


def still(samples: Samples) -> Array:
    """(368,) bool: targets that never moved in training; none where there was no training."""
    std = np.asarray(samples.constants.get("target_std", np.zeros(len(TARGETS))))
    return np.asarray((std == 0) & (std != 0).any(), bool)


def decided(samples: Samples) -> Array:
    """(368,) bool: targets that members decide, being neither zero nor known exactly nor constant."""
    return np.asarray(_open(samples) & ~still(samples))


def _open(samples: Samples) -> Array:
    """(368,) bool: targets that are neither zero nor known exactly."""
    exact = np.isin(np.arange(len(TARGETS)), EXACT_TARGETS)
    return np.asarray((weights_of(samples) != 0) & ~exact)
