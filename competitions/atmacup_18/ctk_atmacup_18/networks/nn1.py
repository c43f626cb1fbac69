"""A network on one row: its three frames and its scalars."""

from __future__ import annotations

from torch import Tensor, nn

from ctk.samples import Array
from ctk_atmacup_18.networks.base import RESNET18, DrivingNetwork, Size
from ctk_timm import BackboneChoice

HEAD = 128
"""Units of the two layers before the last."""


class NN1(DrivingNetwork):
    """The frames' channels through one backbone, the scalars through one layer, a small perceptron on both.

    (NN1 of Masaaaato's solution, 2024, which has the scalars and the target standardised otherwise: by training and
    test together, and not at all.)

    backbone  a model of timm and its weights
    size      that frames are brought to: a side, or height and width; as they are where there is none
    """

    def __init__(
        self,
        statistics: dict[str, Array],
        frames: tuple[int, int, int],
        *,
        backbone: BackboneChoice = RESNET18,
        size: Size = None,
    ) -> None:
        super().__init__(statistics, frames, backbone, size)
        self.head = nn.Sequential(
            nn.Linear(self.width, HEAD), nn.ReLU(), nn.Linear(HEAD, HEAD), nn.ReLU(), nn.Linear(HEAD, self.outputs)
        )

    def forward(self, frames: Tensor, *scalars: Tensor) -> Tensor:
        """(B, T, H, W, 3) uint8 and nine (B,) to (B, D) scaled targets."""
        output: Tensor = self.head(self.rows(frames, scalars))
        return output
