"""The transform ``pictures``: a policy of torchvision's, or single transforms, drawn for each row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import torch
from pydantic import Field
from torch import Tensor

from ctk.contract import Transform
from ctk.errors import UsageError, nearest
from ctk_torchvision.ops import OpChoice, make_op

if TYPE_CHECKING:
    from torchvision.transforms import v2

    from ctk.samples import Samples

Step = tuple["v2.Transform", float]
"""A transform, and the probability of a row to be changed by it."""


class Pictures(Transform):
    """Changes pictures of a batch as torchvision does; the target and all other features stay.

    policy     light: flips; standard: also turned a little, cropped, and other brightness, contrast and saturation;
               randaugment: flips and `num_ops` changes drawn from 14 (Cubuk et al. 2020). Without policy and ops: light
    magnitude  of randaugment, 0 to 30
    num_ops    of randaugment, for each row
    ops        classes of torchvision.transforms.v2, with their options, one after another, after the policy's
    feature    the pictures' name
    """

    def __init__(
        self,
        *,
        policy: Literal["light", "standard", "randaugment"] | None = None,
        magnitude: Annotated[int, Field(ge=0, le=30)] = 9,
        num_ops: Annotated[int, Field(ge=1)] = 2,
        ops: Sequence[OpChoice] = (),
        feature: str = "image",
    ) -> None:
        self.policy = policy or (None if ops else "light")
        self.magnitude, self.num_ops, self.feature = magnitude, num_ops, feature
        chosen = [OpChoice.model_validate(each) for each in ops]
        self.ops: list[Step] = [(make_op(each), each.probability) for each in chosen]
        self.policies: dict[tuple[int, int], list[Step]] = {}  # by the size of the pictures

    @classmethod
    def for_samples(cls, samples: Samples, **options: Any) -> Self:
        """Make one for samples. Raises UsageError where they have no such feature, or it holds no pictures."""
        made = cls(**options)
        if made.feature not in samples.features:
            raise UsageError(
                f"The transform 'pictures': the samples have no feature '{made.feature}'.",
                nearest(made.feature, samples.features, "features"),
            )
        values = samples.features[made.feature]
        if values.dtype != "uint8" or values.ndim < 4 or values.shape[-1] != 3:
            raise UsageError(
                f"The transform 'pictures': the feature '{made.feature}' is {values.dtype} {tuple(values.shape)}.",
                "Pictures are uint8, (rows, height, width, 3) or (rows, frames, height, width, 3).",
            )
        return made

    def apply(self, features: dict[str, Tensor], target: Tensor, units: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Pictures (B, H, W, 3) or (B, frames, H, W, 3) uint8; rows of a unit, and frames of a row, share their draws.

        What comes out at another size is brought back to H and W. A network that does not read them is left alone.
        Raises UsageError where torchvision refuses the pictures: a crop that is larger than they are.
        """
        if (pictures := features.get(self.feature)) is None:
            return features, target
        changed = torch.empty_like(pictures)
        steps = self._steps((pictures.shape[-3], pictures.shape[-2]))
        for rows in _rows_of_units(units):
            seen = pictures[rows].movedim(-1, -3)
            for op, probability in steps:
                if probability == 1 or torch.rand(()) < probability:
                    seen = _changed(op, seen)
            changed[rows] = seen.movedim(-3, -1)
        return {**features, self.feature: changed}, target

    def _steps(self, size: tuple[int, int]) -> list[Step]:
        """What rows of that size go through: the policy's transforms, then the others."""
        from ctk_torchvision.policies import policy_ops

        if self.policy and size not in self.policies:
            made = policy_ops(self.policy, size, self.magnitude, self.num_ops)
            self.policies[size] = [(op, 1.0) for op in made]
        return [*self.policies.get(size, ()), *self.ops]


def _changed(op: v2.Transform, pictures: Tensor) -> Tensor:
    """Pictures (..., 3, H, W) uint8 as an op makes them, of the same size."""
    from torchvision.transforms.v2 import functional

    try:
        made: Tensor = op(pictures)
    except (RuntimeError, TypeError, ValueError) as error:
        height, width = pictures.shape[-2:]
        raise UsageError(
            f"The transform 'pictures': {type(op).__name__} fails on pictures of {height} x {width} pixels: {error}",
            "Mend its options, or leave it out.",
        ) from error
    if made.shape != pictures.shape:
        made = functional.resize(made, list(pictures.shape[-2:]), antialias=True)
    return made


def _rows_of_units(units: Tensor) -> Iterator[Tensor]:
    """The rows of each unit, in the order of their numbers."""
    counts = units.bincount()
    yield from torch.split(units.argsort(stable=True), counts[counts > 0].tolist())
