"""A left turn out of a right one: whole scenes in the mirror."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from ctk.contract import Transform
from ctk.errors import UsageError
from ctk_atmacup_18.columns import AXIS, LIGHTS

FRAMES = "frames"
NEGATED = ("steeringAngleDeg", "steeringTorque")
SWAPPED = {"leftBlinker": "rightBlinker", "rightBlinker": "leftBlinker"}
SAME = frozenset({"vEgo", "aEgo", "brake", "brakePressed", "gas", "gasPressed", "gearShifter", "decisecond", "mask"})
"""Features that look alike in the mirror."""
MIRRORED = [LIGHTS.index({"left": "right", "right": "left"}.get(name, name)) for name in LIGHTS]
"""What each class of lights is in the mirror."""
Y = torch.from_numpy(AXIS == "y")


class Flip(Transform):
    """Mirrors some units of a batch: frames, y of the target, steering, blinkers and lights; out-of-fold paths too.

    probability  of a unit to be mirrored; rows of one unit (a scene, where whole scenes are trained on) are alike
    """

    def __init__(self, *, probability: Annotated[float, Field(ge=0, le=1)] = 0.5) -> None:
        self.probability = probability

    def apply(self, features: dict[str, Tensor], target: Tensor, units: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Features by name (B, ...), target (B, 18) in metres, units (B,) int64 below B.

        Raises UsageError for a feature of which it is not known what it is in the mirror.
        """
        rows = torch.rand(len(units), device=units.device)[units] < self.probability
        mirrored = {name: self._mirror(name, values, features) for name, values in features.items()}
        chosen = {
            name: torch.where(rows.view(-1, *[1] * (values.ndim - 1)), mirrored[name], values)
            for name, values in features.items()
        }
        return chosen, torch.where(rows[:, None], _path(target), target)

    def _mirror(self, name: str, values: Tensor, features: dict[str, Tensor]) -> Tensor:
        if name == FRAMES:
            return values.flip(-2)
        if name in NEGATED:
            return -values
        if SWAPPED.get(name) in features:
            return features[SWAPPED[name]]
        if name in SAME:
            return values
        if name == "lights" and FRAMES in features:
            return _lights(values, features[FRAMES].shape[-2])
        if name.startswith("oof/") and values.shape[-1] == len(Y):
            return _path(values)
        raise UsageError(
            f"flip does not know what the feature '{name}' is in the mirror.",
            "Train without flip, or without that feature.",
        )


def _path(values: Tensor) -> Tensor:
    """(B, 18) with left and right changed."""
    return torch.where(Y.to(values.device), -values, values)


def _lights(values: Tensor, width: int) -> Tensor:
    """(B, L, 5), NaN where there is no light."""
    kind, left, top, right, bottom = values.unbind(-1)
    there = kind.isfinite()
    mirrored = torch.tensor(MIRRORED, dtype=kind.dtype, device=kind.device)[kind.nan_to_num().long()]
    return torch.stack([torch.where(there, mirrored, kind), width - right, top, width - left, bottom], dim=-1)
