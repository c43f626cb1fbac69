"""Predictions that keep what is true of all weights: none is below zero, and sums are those of their parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, Field

from ctk.contract import Strict
from ctk.errors import nearest
from ctk.samples import Array, Samples
from ctk_csiro_biomass.columns import PARTS, STATE, SUMS, TARGETS

ROUNDING = 1e-4
"""Grams by which the competition's own sums are off: what is off by less is whole already."""
PART = tuple(TARGETS.index(name) for name in PARTS)
SUM = np.array(
    [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1]],
    np.float64,
)
"""(5, 3): targets of green, dead and clover, as TARGETS and PARTS have them."""


def _known(targets: Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[str]]:
    for state, names in targets.items():
        for name in names:
            if name not in PARTS:
                raise ValueError(f"{name} of {state} is no component. {nearest(name, PARTS, 'components')}")
    return targets


class Repair(Strict):
    """How predictions are mended."""

    repair: Literal["none", "clip", "derive", "project"] = Field(
        "project",
        description="clip: nothing below zero; derive: that, and GDM and total made of green, clover and dead; "
        "project: the nearest five weights that keep both",
    )
    tolerance: float = Field(
        0.0, ge=0, description="grams: images whose sums are off by no more, and that have nothing below zero, stay"
    )
    zero: Annotated[dict[str, tuple[str, ...]], AfterValidator(_known)] = Field(
        {}, description="components that are zero in a state, where the state is known, such as {WA: [Dry_Dead_g]}"
    )


def apply(prediction: Array, samples: Samples, options: Mapping[str, Any]) -> Array:
    """(N, 5) grams, of the prediction's dtype, mended as ``Repair`` says; mending twice is mending once."""
    how = Repair.model_validate(dict(options))
    if how.repair == "none":
        return prediction
    grams = np.asarray(prediction, np.float64)
    zero = _zero_parts(samples, how.zero)
    if how.repair == "clip":
        mended = grams.clip(min=0)
        mended[:, PART] = np.where(zero, 0, mended[:, PART])
    else:
        parts = np.where(zero, 0, grams[:, PART].clip(min=0)) if how.repair == "derive" else project(grams, zero)
        whole = _is_whole(grams, zero, max(how.tolerance, ROUNDING))
        mended = np.where(whole[:, None], grams, parts @ SUM.T)
    return mended.astype(np.asarray(prediction).dtype)


def project(grams: Array, zero: Array) -> Array:
    """(N, 3) green, dead and clover whose five weights are nearest to (N, 5) grams, none of them below zero.

    zero  (N, 3) bool: components that are to be zero

    Without a bound, the orthogonal projection onto the sums' plane, as in the reconciliation of forecasts
    (Wickramasuriya, Athanasopoulos and Hyndman 2019, "Optimal forecast reconciliation for hierarchical and grouped time
    series through trace minimization", with the identity for a covariance). With it, a least-squares problem of three
    weights that are not below zero (Lawson and Hanson 1974, "Solving least squares problems"): its answer is that of
    the equations for those that are above zero, so that of the eight sets of components each is solved and the nearest
    feasible one taken.
    """
    best, least = np.zeros((len(grams), len(PARTS))), np.square(grams).sum(axis=1)
    for count in range(1, len(PARTS) + 1):
        for free in map(list, combinations(range(len(PARTS)), count)):
            parts = np.zeros_like(best)
            parts[:, free] = grams @ np.linalg.pinv(SUM[:, free]).T
            apart = np.square(grams - parts @ SUM.T).sum(axis=1)
            better = (parts >= 0).all(axis=1) & ~(zero[:, free]).any(axis=1) & (apart < least)
            best[better], least[better] = parts[better], apart[better]
    return best


def _is_whole(grams: Array, zero: Array, tolerance: float) -> Array:
    """(N,) bool: what is within the tolerance, has nothing below zero and nothing where a state has none.

    What float32 rounds, at most one part in a million of the largest weight, does not count.
    """
    off = [grams[:, TARGETS.index(name)] - grams[:, [TARGETS.index(part) for part in of]].sum(axis=1)
           for name, of in SUMS.items()]  # fmt: skip
    parts = grams[:, PART]
    fine: Array = (
        (np.abs(off) <= tolerance + 1e-6 * np.abs(grams).max(axis=1)).all(axis=0)
        & (grams >= 0).all(axis=1)
        & ~(zero & (parts != 0)).any(axis=1)
    )
    return fine


def _zero_parts(samples: Samples, zero: Mapping[str, Sequence[str]]) -> Array:
    """(N, 3) bool: components that the state of a sample has none of; false where the state is not known."""
    found = np.zeros((len(samples), len(PARTS)), bool)
    state = samples.features.get(STATE)
    if state is not None:
        for name, parts in zero.items():
            found[np.ix_(np.asarray(state) == name, [PARTS.index(part) for part in parts])] = True
    return found
