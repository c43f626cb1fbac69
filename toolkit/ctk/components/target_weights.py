"""Losses of wide targets: each column compared by itself, and counted by its weight."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from ctk.contract import Batch
from ctk.errors import UsageError, nearest
from ctk.samples import Samples, Targets

TargetWeights = Annotated[dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]], Field(min_length=1)] | None
"""Weights of target columns by name, or by shell pattern for columns that no name stands for; others have 1."""


class ColumnLoss(nn.Module, ABC):
    """A loss that compares each number by itself: the mean over rows, and over columns by their weights.

    With weights w it is sum_c w_c mean_b l(b, c) / sum_c w_c, so that equal weights change nothing.

    targets  the names of the columns, which patterns are compared with
    weights  of columns
    """

    weight: Tensor | None

    def __init__(self, targets: Targets | None = None, *, weights: TargetWeights = None) -> None:
        super().__init__()
        found = None if weights is None else torch.tensor(column_weights(weights, targets))
        self.register_buffer("weight", found, persistent=False)

    @classmethod
    def for_samples(cls, samples: Samples, **options: Any) -> Self:
        """A loss that knows what the samples' columns are called. Raises UsageError for weights that fit none."""
        return cls(samples.targets, **options)

    @abstractmethod
    def each(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Compare number by number, (B, D) float32 both, to (B, D)."""

    def forward(self, prediction: Tensor, batch: Batch) -> Tensor:
        """(B, D) predictions and a batch with targets to a 0-d loss."""
        losses = self.each(prediction.float(), batch.target)
        shares = self.shares(batch)
        return losses.mean() if shares is None else (losses @ shares).mean()

    def shares(self, batch: Batch) -> Tensor | None:
        """Return the weights of a batch's columns (D,), which add up to 1; None where all count alike."""
        if self.weight is None:
            return None
        own = self.weight if batch.columns is None else self.weight[batch.columns]
        return own / own.sum().clamp(min=torch.finfo(own.dtype).tiny)  # a stage may train columns of no weight alone


def column_weights(weights: Mapping[str, float], targets: Targets | None) -> list[float]:
    """Find the weight of each column, T numbers: by its name, else by the pattern that fits it, else 1.

    Raises UsageError for a target without names, for what fits no column, for two patterns that give one column
    different weights, and for no weight above 0.
    """
    if targets is None:
        raise UsageError("Loss option 'weights': the columns of this target have no names.", "Leave the option out.")
    names = [str(name) for name in targets.names]
    for pattern in weights:
        if not any(pattern == name or fnmatchcase(name, pattern) for name in names):
            raise UsageError(
                f"Loss option 'weights': '{pattern}' fits no column of the target.", nearest(pattern, names, "columns")
            )
    found = []
    for name in names:
        fitting = {pattern: weight for pattern, weight in weights.items() if fnmatchcase(name, pattern)}
        if name not in weights and len(set(fitting.values())) > 1:
            first, second = list(fitting)[:2]
            raise UsageError(
                f"Loss option 'weights': '{first}' and '{second}' give column '{name}' different weights.",
                "Give that column a weight by its name.",
            )
        found.append(float(weights.get(name, next(iter(fitting.values()), 1.0))))
    if not any(found):
        raise UsageError("Loss option 'weights': no column of the target has a weight above 0.")
    return found
