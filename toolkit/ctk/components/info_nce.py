"""The contrastive loss as a component, with a learned or fixed temperature and an optional regression term."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from ctk import ops
from ctk.contract import Batch

MAX_LOG_SCALE = math.log(100)
"""A learned scale is held at 100 at most, as CLIP does (Radford et al. 2021, arXiv:2103.00020, section 2.5)."""


class InfoNCE(nn.Module):
    """Symmetric multi-positive InfoNCE between predictions and target vectors, plus smooth L1 if wanted.

    Entries with the same target id are positives of each other. Keyword arguments are config keys:

    temperature        of the logits; the starting value if learned
    learn_temperature  learn the logarithm of the scale; temperatures below 0.01 then become 0.01
    similarity         "cosine" normalises both sides, "dot" neither
    label_smoothing    share of the target spread evenly over all keys
    weight             of the contrastive term
    warmup             epochs over which the weight is reached, linearly
    regression         weight of the smooth L1 term between prediction and target
    """

    def __init__(
        self,
        *,
        temperature: Annotated[float, Field(gt=0)] = 0.01,
        learn_temperature: bool = False,
        similarity: Literal["cosine", "dot"] = "cosine",
        label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        weight: Annotated[float, Field(ge=0)] = 1.0,
        warmup: Annotated[int, Field(ge=0)] = 0,
        regression: Annotated[float, Field(ge=0)] = 0.0,
    ) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(1 / temperature).log(), requires_grad=learn_temperature)
        self.similarity = similarity
        self.label_smoothing = label_smoothing
        self.weight = weight
        self.warmup = warmup
        self.regression = regression

    def forward(self, prediction: Tensor, batch: Batch) -> Tensor:
        """(B, D) predictions and a batch of retrieval samples to a 0-d loss."""
        query, key = prediction, batch.target
        if self.similarity == "cosine":
            query, key = F.normalize(query, dim=-1), F.normalize(key, dim=-1)
        if self.log_scale.requires_grad:
            with torch.no_grad():  # the parameter is held, not what is computed from it, so that it can come back
                self.log_scale.clamp_(max=MAX_LOG_SCALE)
        scale = self.log_scale.exp()
        ids = batch.target_ids
        loss = ops.info_nce(query, key, scale, query_ids=ids, key_ids=ids, label_smoothing=self.label_smoothing)
        loss = loss * self.weight * min(1.0, (batch.epoch + 1) / max(1, self.warmup))
        if self.regression:
            loss = loss + self.regression * F.smooth_l1_loss(prediction, batch.target)
        return loss
