"""L1 and smooth L1 as components: between the prediction and the target, whatever these are."""

from __future__ import annotations

from typing import Annotated

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from ctk.contract import Batch


class L1(nn.Module):
    """Absolute difference, the mean over rows and columns."""

    def forward(self, prediction: Tensor, batch: Batch) -> Tensor:
        """(B, D) predictions and a batch with targets to a 0-d loss."""
        return F.l1_loss(prediction.float(), batch.target)


class SmoothL1(nn.Module):
    """Smooth L1 (Girshick 2015, arXiv:1504.08083), the mean over rows and columns.

    beta  where the quadratic part ends and the linear begins
    """

    def __init__(self, *, beta: Annotated[float, Field(gt=0)] = 1.0) -> None:
        super().__init__()
        self.beta = beta

    def forward(self, prediction: Tensor, batch: Batch) -> Tensor:
        """(B, D) predictions and a batch with targets to a 0-d loss."""
        return F.smooth_l1_loss(prediction.float(), batch.target, beta=self.beta)
