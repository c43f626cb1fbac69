"""L1 and smooth L1 as components: between the prediction and the target, whatever these are."""

from __future__ import annotations

from typing import Annotated

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from ctk.components.target_weights import ColumnLoss, TargetWeights
from ctk.contract import Batch
from ctk.samples import Targets


class L1(ColumnLoss):
    """Absolute difference, the mean over rows and columns.

    weights  of target columns by name or pattern
    """

    def each(self, prediction: Tensor, target: Tensor) -> Tensor:
        """|y - p|."""
        return F.l1_loss(prediction, target, reduction="none")


class SmoothL1(ColumnLoss):
    """Smooth L1 (Girshick 2015, arXiv:1504.08083), the mean over rows and columns.

    Of a difference d it is d^2 / (2 beta) where |d| < beta, else |d| - beta / 2.

    beta     where the quadratic part ends and the linear begins
    weights  of target columns by name or pattern
    """

    def __init__(
        self,
        targets: Targets | None = None,
        *,
        beta: Annotated[float, Field(gt=0)] = 1.0,
        weights: TargetWeights = None,
    ) -> None:
        super().__init__(targets, weights=weights)
        self.beta = beta

    def each(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Smooth L1 of each difference."""
        return F.smooth_l1_loss(prediction, target, reduction="none", beta=self.beta)

    def forward(self, prediction: Tensor, batch: Batch) -> Tensor:
        """(B, D) predictions and a batch with targets to a 0-d loss."""
        if self.weight is None:  # one kernel, whose gradients are rounded otherwise than those of a mean of many
            return F.smooth_l1_loss(prediction.float(), batch.target, beta=self.beta)
        return super().forward(prediction, batch)
