"""What a blender returned, looked at before it is applied and kept."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ctk.contract import Blend
from ctk.plugins.guard.arrays import number
from ctk.plugins.guard.guard import Wrong


def check_blend(blend: Any, keys: Iterable[str]) -> Blend:
    """The blend, if it gives finite weights, not all of them 0, to members that there are. Raises Wrong."""
    if not isinstance(blend, Blend):
        raise Wrong(f"gave a {type(blend).__name__}, and a ctk.contract.Blend is needed")
    known = list(keys)
    for key, weight in blend.weights.items():
        if key not in known:
            raise Wrong(f"gave a weight to '{key}', and the members are {', '.join(known)}")
        if not math.isfinite(number(weight, f"weighs '{key}' with")):
            raise Wrong(f"weighs '{key}' with {weight}; weights must be finite")
    if blend.by_group:
        _check_groups(blend)
    elif not any(blend.weights.values()):
        raise Wrong("gave no member a weight that is not 0")
    if blend.score is not None:
        number(blend.score, "gave as the blend's score")
    return blend


def _check_groups(blend: Blend) -> None:
    groups = len(blend.column_groups)
    if blend.by_group.keys() != blend.weights.keys():
        raise Wrong("gave other members weights by group than weights")
    if not all(0 <= group < groups for group in blend.group_of_column):
        raise Wrong(f"numbers the groups of columns outside of the {groups} there are")
    for key, weights in blend.by_group.items():
        if len(weights) != groups or not all(math.isfinite(number(each, f"weighs '{key}' with")) for each in weights):
            raise Wrong(f"weighs '{key}' with {weights}; a finite weight for each of {groups} groups is needed")
    if not any(any(weights) for weights in blend.by_group.values()):
        raise Wrong("gave no member a weight that is not 0")
