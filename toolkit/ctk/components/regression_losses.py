"""Further losses of numbers: squares, quantiles, errors that count more the larger they are, and R2."""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from ctk.components.target_weights import ColumnLoss, TargetWeights
from ctk.contract import Batch
from ctk.samples import Targets

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class MSELoss(ColumnLoss):
    """Squared difference, (y - p)^2, the mean over rows and columns.

    weights  of target columns by name or pattern
    """

    def each(self, prediction: Tensor, target: Tensor) -> Tensor:
        """(y - p)^2."""
        return F.mse_loss(prediction, target, reduction="none")


class Quantile(ColumnLoss):
    """Pinball loss, whose minimum is a quantile (Koenker and Bassett 1978, Regression Quantiles, Econometrica 46).

    Of d = y - p it is q d where d >= 0, else (q - 1) d; with q = 0.5 half the absolute difference.

    quantile  q: 0.5 is the median
    weights   of target columns by name or pattern
    """

    def __init__(
        self,
        targets: Targets | None = None,
        *,
        quantile: Annotated[float, Field(gt=0, lt=1)] = 0.5,
        weights: TargetWeights = None,
    ) -> None:
        super().__init__(targets, weights=weights)
        self.quantile = quantile

    def each(self, prediction: Tensor, target: Tensor) -> Tensor:
        """max(q d, (q - 1) d)."""
        apart = target - prediction
        return torch.maximum(self.quantile * apart, (self.quantile - 1) * apart)


class FocalRegression(ColumnLoss):
    """Focal-R (Yang et al. 2021, Delving into Deep Imbalanced Regression, arXiv:2102.09554, section 4.2).

    Of e = |y - p| it is sigmoid(beta e)^gamma e: what is far off counts more than in proportion. With gamma = 0 it is
    L1; with ``squared`` e^2 stands for the last e.

    beta     how fast the factor rises with the error
    gamma    how much it counts
    squared  multiply the squared error
    weights  of target columns by name or pattern
    """

    def __init__(
        self,
        targets: Targets | None = None,
        *,
        beta: Positive = 1.0,
        gamma: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0,
        squared: bool = False,
        weights: TargetWeights = None,
    ) -> None:
        super().__init__(targets, weights=weights)
        self.beta, self.gamma, self.squared = beta, gamma, squared

    def each(self, prediction: Tensor, target: Tensor) -> Tensor:
        """sigmoid(beta e)^gamma e, or e^2."""
        error = (target - prediction).abs()
        factor = torch.sigmoid(self.beta * error) ** self.gamma
        return factor * (error.square() if self.squared else error)


class R2Loss(ColumnLoss):
    """1 - R2 of a batch, all columns together about one mean, by weights of columns.

    sum w (y - p)^2 / sum w (y - m)^2 over all rows and columns, with m = sum w y / sum w: 1 less
    the coefficient of determination (Wright 1921, Correlation and Causation) with a weight for each number. It compares
    what a network gives with its scaled targets. So it is the R2 of the samples' units only where all columns are
    scaled by one mean and one deviation, or by none. Under torchrun each rank's is of its own rows.

    floor    least variance that is divided by, of scaled targets: a batch of nearly equal ones has next to none
    weights  of target columns by name or pattern
    """

    def __init__(
        self, targets: Targets | None = None, *, floor: Positive = 0.01, weights: TargetWeights = None
    ) -> None:
        super().__init__(targets, weights=weights)
        self.floor = floor

    def each(self, prediction: Tensor, target: Tensor) -> Tensor:
        """(y - p)^2."""
        return F.mse_loss(prediction, target, reduction="none")

    def forward(self, prediction: Tensor, batch: Batch) -> Tensor:
        """(B, D) predictions and a batch with targets to a 0-d loss."""
        error = super().forward(prediction, batch)
        shares, target = self.shares(batch), batch.target.float()
        if shares is None:
            variance = target.var(correction=0)
        else:
            mean = (target @ shares).mean()
            variance = ((target - mean).square() @ shares).mean()
        return error / variance.clamp(min=self.floor)
