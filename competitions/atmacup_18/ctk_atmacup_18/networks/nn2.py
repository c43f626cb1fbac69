"""A network on scenes: the features of each row, then LSTMs over the rows of its scene."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ctk.contract import Count
from ctk.samples import Array
from ctk_atmacup_18.networks.base import RESNET18, SCALARS, DrivingNetwork, Size
from ctk_atmacup_18.networks.recurrent import MaskedBiLSTM
from ctk_timm import BackboneChoice


class NN2(DrivingNetwork):
    """What NN1 makes of each row, through bidirectional LSTMs over the rows of its scene in time order.

    (NN2 of Masaaaato's solution, 2024.) It reads sequences: ``batch: {by: scene, as: sequences}``. Its LSTMs are the
    part ``lstm``.

    backbone  a model of timm and its weights
    size      that frames are brought to: a side, or height and width; as they are where there is none
    hidden    of each direction
    layers    number of LSTMs
    """

    features = ("frames", *SCALARS, "mask")

    def __init__(
        self,
        statistics: dict[str, Array],
        frames: tuple[int, int, int],
        *,
        backbone: BackboneChoice = RESNET18,
        size: Size = None,
        hidden: Count = 128,
        layers: Count = 2,
    ) -> None:
        super().__init__(statistics, frames, backbone, size)
        self.lstm = MaskedBiLSTM(self.width, hidden, layers)
        self.head = nn.Linear(2 * hidden, self.outputs)

    def forward(self, frames: Tensor, *scalars_and_mask: Tensor) -> Tensor:
        """(S, L, T, H, W, 3) uint8, nine (S, L) and their mask (S, L) to (S, L, D) scaled targets.

        The backbone sees the rows that are there alone: padding would cost time, and enter its batch norms. An exported
        graph has all rows go through it, for how many there are would be no shape that an exporter knows.
        """
        *scalars, mask = scalars_and_mask
        if torch.compiler.is_exporting():
            scenes = self.rows(frames.flatten(0, 1), [each.flatten() for each in scalars])
            scenes = scenes.reshape(-1, mask.shape[1], self.width)
        else:
            places = mask.flatten().nonzero().flatten()  # not the mask itself, by which bytes are copied one by one
            some = [each.flatten(0, 1).index_select(0, places) for each in (frames, *scalars)]
            rows = self.rows(some[0], some[1:])
            scenes = rows.new_zeros(mask.numel(), self.width).index_copy(0, places, rows)
            scenes = scenes.reshape(*mask.shape, self.width)
        output: Tensor = self.head(self.lstm(scenes, mask))
        return output
