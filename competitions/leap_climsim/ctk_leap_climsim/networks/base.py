"""What all networks of the competition share: statistics, the tensor over levels, the order of targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from ctk.samples import Array, Samples
from ctk_leap_climsim.columns import LEVELS, SCALARS, SERIES, STATE, SURFACE, TENDENCIES

CHANNELS = len(SCALARS) + len(SERIES)
"""25 inputs a level."""
OUTPUTS = len(TENDENCIES) + len(SURFACE)
"""14 outputs a level."""

INPUT_FLOOR = 1e-8
"""Smallest deviation that inputs are divided by (2nd-place solution, ChunhanLi/2nd-kaggle-LEAP, 2024)."""
TARGET_FLOOR = 1e-23
"""The same of targets. The solution named weighs a target by 1 / max(std, 1e-15) first and then divides by the weighted
deviation, 1e-8 at least: together a division by max(std, 1e-23)."""
BOUND = 100.0
"""Standardised inputs are cut off here. Inputs that hardly vary in training may be far off later, and one of them would
otherwise decide everything."""

_STATE = len(STATE) * LEVELS
_SCALARS = _STATE + len(SCALARS)


class ColumnNetwork(nn.Module):
    """A network on columns of air. A subclass has ``forward`` from raw (B, 556) inputs to (B, 368) scaled targets.

    Statistics are buffers, so that what was saved scales as it was trained, whatever data it meets. Columns of the
    target that count as zero (weight 0) or do not vary are scaled to 0 and predicted as their mean.

    constants  feature_mean, feature_std (556,), target_mean, target_std, weights (368,), of the training rows
    """

    features = ("columns",)
    input_mean: Tensor
    input_scale: Tensor
    target_mean: Tensor
    target_scale: Tensor
    target_spread: Tensor

    def __init__(self, constants: Mapping[str, Array]) -> None:
        super().__init__()
        spread = np.where(counting(constants), np.maximum(constants["target_std"], TARGET_FLOOR), 0.0)
        scale = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
        for name, values, dtype in (
            ("input_mean", constants["feature_mean"], torch.float32),
            ("input_scale", 1 / np.maximum(constants["feature_std"], INPUT_FLOOR), torch.float32),
            ("target_mean", constants["target_mean"], torch.float64),
            ("target_scale", scale, torch.float64),
            ("target_spread", spread, torch.float64),
        ):
            self.register_buffer(name, torch.from_numpy(np.array(values)).to(dtype))

    @classmethod
    def for_samples(cls, samples: Samples, **options: Any) -> Self:
        """A network with the samples' statistics."""
        return cls(samples.constants, **options)

    def scale(self, target: Tensor) -> Tensor:
        """(B, 368) float64 targets in their units to float32 of mean 0 and deviation 1."""
        return ((target.double() - self.target_mean) * self.target_scale).float()

    def unscale(self, output: Tensor) -> Tensor:
        """Back, (B, 368) to float32 in the targets' units."""
        return (output.double() * self.target_spread + self.target_mean).float()

    def standardise(self, columns: Tensor) -> Tensor:
        """(B, 556) raw inputs to mean 0 and deviation 1, cut off at BOUND."""
        return ((columns - self.input_mean) * self.input_scale).clamp(-BOUND, BOUND)

    def levels(self, columns: Tensor) -> Tensor:
        """(B, 556) raw inputs to (B, 60, 25): the 16 scalars, the same at each level, then the 9 series."""
        x = self.standardise(columns)
        state, scalars, gases = x[:, :_STATE], x[:, _STATE:_SCALARS], x[:, _SCALARS:]
        return torch.cat(
            [
                scalars.unsqueeze(1).expand(-1, LEVELS, -1),
                state.reshape(state.shape[0], -1, LEVELS).transpose(1, 2),
                gases.reshape(gases.shape[0], -1, LEVELS).transpose(1, 2),
            ],
            dim=2,
        )

    @staticmethod
    def targets(series: Tensor, surface: Tensor) -> Tensor:
        """(B, 60, 6) tendencies and (B, 8) surface fluxes to (B, 368) in the order of train.csv."""
        return torch.cat([series.transpose(1, 2).flatten(1), surface], dim=1)

    def targets_of_mean(self, outputs: Tensor) -> Tensor:
        """(B, 60, 14) outputs a level to (B, 368); surface fluxes are the mean over levels."""
        series, surface = torch.split(outputs, [len(TENDENCIES), len(SURFACE)], dim=2)
        return self.targets(series, surface.mean(dim=1))


def counting(constants: Mapping[str, Array]) -> Array:
    """(368,) bool: the targets that vary and do not count as zero."""
    return np.asarray((constants["weights"] != 0) & (constants["target_std"] > 0))
