"""What a blender may give back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ctk.contract import Blend
from ctk.errors import UsageError
from ctk.plugins.guard import array_checks as arrays
from ctk.plugins.guard.failures import ContractViolation, require
from ctk.plugins.guard.value_checks import of_type


def check_blend(blend: Any, keys: Sequence[str]) -> Any:
    """Return a blend of finite weights, not all of them 0, of members that there are. Raises ContractViolation."""
    of_type(Blend, "gave a {}, and a ctk.contract.Blend is needed")(blend, {})
    for key, weight in blend.weights.items():
        require(key in keys, f"gave a weight to '{key}', and the members are {', '.join(keys)}")
        number = arrays.to_number(weight, f"weighs '{key}' with")
        require(math.isfinite(number), f"weighs '{key}' with {weight}; weights must be finite")
    require(blend.how in ("sum", "vote"), f"says to blend by {blend.how!r}, and 'sum' or 'vote' is needed")
    told = "blends by vote, which knows neither groups of columns nor rows of length 1"
    require(blend.how == "sum" or not (blend.by_group or blend.normalise), told)
    if blend.by_group:
        _check_groups(blend)
    if blend.by is not None or blend.bins or blend.parts:
        _check_bins(blend)
    weights = blend.by_group.values() if blend.by_group else [blend.weights.values()]
    require(any(map(any, weights)) or blend.parts, "gave no member a weight that is not 0")
    if blend.score is not None:
        arrays.to_number(blend.score, "gave as the blend's score")
    return blend


def _check_groups(blend: Blend) -> None:
    groups = len(blend.column_groups)
    require(blend.by_group.keys() == blend.weights.keys(), "gave other members weights by group than weights")
    inside = all(0 <= group < groups for group in blend.group_of_column)
    require(inside, f"numbers the groups of columns outside of the {groups} there are")
    for key, weights in blend.by_group.items():
        numbers = [arrays.to_number(each, f"weighs '{key}' with") for each in weights]
        told = f"weighs '{key}' with {weights}; a finite weight for each of {groups} groups is needed"
        require(len(numbers) == groups and all(map(math.isfinite, numbers)), told)


def _check_bins(blend: Blend) -> None:
    whole = blend.by is not None and len(blend.bins) == len(blend.parts) > 0 and not blend.by_group
    require(whole, f"gave {len(blend.parts)} blends of {len(blend.bins)} bins by '{blend.by}'; one a bin is needed")
    require(
        all(len(each) == 2 for each in blend.bins), f"gave bins {blend.bins}; each has a lowest and a highest number"
    )
    for part in blend.parts:
        check_blend(part, list(blend.weights))
        alike = part.weights.keys() == blend.weights.keys() and part.normalise == blend.normalise and not part.parts
        alike = alike and part.how == blend.how
        alike = alike and part.group_of_column == blend.parts[0].group_of_column
        require(alike, "gave a bin of rows a blend of other members, columns or kind than the others")
    try:
        _ = blend.rows
    except UsageError as error:
        raise ContractViolation(f"gave bins of rows that are none: {error.problem}") from None
