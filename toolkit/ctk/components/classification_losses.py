"""Losses of classifiers, on the logits that a network gives; by their ``link`` it predicts probabilities."""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from ctk.contract import Batch
from ctk.errors import UsageError

Smoothing = Annotated[float, Field(ge=0, lt=1)]


class CrossEntropy(nn.Module):
    """Cross entropy of logits (B, C) against one-hot rows, or other rows of probabilities; softmax predicts.

    label_smoothing  share of the target spread evenly over all classes
    weight           of each class, C numbers
    """

    weight: Tensor | None

    def __init__(self, *, label_smoothing: Smoothing = 0.0, weight: list[float] | None = None) -> None:
        super().__init__()
        self.label_smoothing = label_smoothing
        self.register_buffer("weight", None if weight is None else torch.tensor(weight))

    @staticmethod
    def link(logits: Tensor) -> Tensor:
        """Probabilities of the classes, (B, C)."""
        return logits.softmax(dim=-1)

    def forward(self, prediction: Tensor, batch: Batch) -> Tensor:
        """(B, C) logits and a batch to a 0-d loss. Raises UsageError for a target of one column."""
        if prediction.shape[-1] == 1:
            raise UsageError(
                "The loss cross-entropy needs a column a class, and the target has one.",
                "Give one-hot rows as target, or take bce-with-logits for two classes.",
            )
        loss: Tensor = F.cross_entropy(
            prediction, batch.target.to(prediction), self.weight, label_smoothing=self.label_smoothing
        )
        return loss


class BCEWithLogits(nn.Module):
    """Binary cross entropy of logits (B, D) against numbers in [0, 1], each column for itself; the sigmoid predicts.

    pos_weight  of the ones in each column, D numbers
    """

    pos_weight: Tensor | None

    def __init__(self, *, pos_weight: list[float] | None = None) -> None:
        super().__init__()
        self.register_buffer("pos_weight", None if pos_weight is None else torch.tensor(pos_weight))

    @staticmethod
    def link(logits: Tensor) -> Tensor:
        """Probabilities of a one, (B, D)."""
        return logits.sigmoid()

    def forward(self, prediction: Tensor, batch: Batch) -> Tensor:
        """(B, D) logits and a batch to a 0-d loss."""
        loss: Tensor = F.binary_cross_entropy_with_logits(
            prediction, batch.target.to(prediction).reshape(prediction.shape), pos_weight=self.pos_weight
        )
        return loss
