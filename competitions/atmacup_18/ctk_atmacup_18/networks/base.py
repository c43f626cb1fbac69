"""What both networks share: pictures through a backbone, scalars through a layer, statistics of the training rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from ctk.errors import UsageError
from ctk.samples import Array, Samples
from ctk_timm import Backbone, BackboneChoice, StackedFrames

SCALARS = (
    "vEgo",
    "aEgo",
    "steeringAngleDeg",
    "steeringTorque",
    "brakePressed",
    "gas",
    "gasPressed",
    "leftBlinker",
    "rightBlinker",
)
"""What is read of the car beside its pictures, flags as 0 and 1."""
WIDE = 128
"""Features made of the scalars."""
FLOOR = 1e-6
"""Smallest deviation that is divided by: what does not vary stays 0."""

RESNET18 = BackboneChoice()
Side = Annotated[int, Field(ge=1)]
Size = Side | tuple[Side, Side] | None
"""Side of a square, or height and width, that frames are brought to; None leaves them as they are."""


class DrivingNetwork(nn.Module):
    """A network on frames and scalars. A subclass has ``forward`` and a ``head``.

    Parts, as ``trainable`` and ``lr_by_part`` name them: ``backbone``, ``scalars`` and ``head``. Statistics are
    buffers, so that what was saved scales as it was trained. A scalar that is missing counts as its mean.

    statistics  means and deviations of the scalars (9,) and of the target (D,)
    frames      T, height and width of the frames
    """

    features: Sequence[str] = ("frames", *SCALARS)
    reads_nan = True
    scalar_mean: Tensor
    scalar_std: Tensor
    target_mean: Tensor
    target_std: Tensor

    def __init__(
        self,
        statistics: dict[str, Array],
        frames: tuple[int, int, int],
        backbone: BackboneChoice | dict[str, Any] | str,
        size: Size,
    ) -> None:
        super().__init__()
        moments, *own = frames
        height, width = own if size is None else (size, size) if isinstance(size, int) else size
        read = height, width
        self.backbone = Backbone(BackboneChoice.model_validate(backbone), 3 * moments, read)
        self.pictures = StackedFrames(self.backbone.mean, self.backbone.std, moments, read)
        self.scalars = nn.Linear(len(SCALARS), WIDE)
        self.width = self.backbone.num_features + WIDE
        self.outputs = len(statistics["target_mean"])
        for name, values in statistics.items():
            self.register_buffer(name, torch.from_numpy(values).float())

    @classmethod
    def for_samples(cls, samples: Samples, **options: Any) -> Self:
        """Make a network with the samples' statistics, for frames of their size.

        Raises UsageError for samples that are no drives.
        """
        if lacking := [name for name in ("frames", *SCALARS) if name not in samples.features]:
            raise UsageError(
                f"The samples have no feature '{lacking[0]}', which this network reads.",
                "Use it with the competition atmacup-18, or choose another model.",
            )
        frames = samples.features["frames"].shape[1:4]
        return cls(statistics_of(samples), frames, **options)

    def load_pretrained(self) -> None:
        """Begin with the backbone's weights that were chosen."""
        self.backbone.load_pretrained()

    def scale(self, target: Tensor) -> Tensor:
        """(B, D) metres to mean 0 and deviation 1."""
        return (target.float() - self.target_mean) / self.target_std

    def unscale(self, output: Tensor) -> Tensor:
        """Back, (B, D) to metres, float32."""
        return output.float() * self.target_std + self.target_mean

    def rows(self, frames: Tensor, scalars: Sequence[Tensor]) -> Tensor:
        """(R, T, H, W, 3) uint8 frames and nine (R,) scalars to the features of each row, (R, width)."""
        values = (torch.stack([each.float() for each in scalars], dim=-1) - self.scalar_mean) / self.scalar_std
        known = torch.where(torch.isnan(values), torch.zeros_like(values), values)
        return torch.cat([self.backbone(self.pictures(frames)), self.scalars(known)], dim=-1)


def statistics_of(samples: Samples) -> dict[str, Array]:
    """Return means and deviations of scalars and target, float64, deviations FLOOR at least."""
    table = np.stack([np.asarray(samples.features[name], np.float64) for name in SCALARS], axis=1)
    target = np.asarray(samples.target_values(), np.float64)
    known = np.where(np.isnan(table).all(axis=0), 0.0, table)  # a column of nothing is all mean
    return {
        "scalar_mean": np.nanmean(known, axis=0),
        "scalar_std": _spread(np.nanstd(known, axis=0)),
        "target_mean": target.mean(axis=0),
        "target_std": _spread(target.std(axis=0)),
    }


def _spread(deviations: Array) -> Array:
    return np.where(deviations > FLOOR, deviations, 1.0)
