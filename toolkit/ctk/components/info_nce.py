"""The contrastive loss as a component, with a learned or fixed temperature and an optional regression term."""

from __future__ import annotations

import math
from contextlib import nullcontext
from functools import partial
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from ctk import ops
from ctk.contract import Batch
from ctk.errors import CtkError

MAX_LOG_SCALE = math.log(100)
"""A learned scale is held at 100 at most, as CLIP does (Radford et al. 2021, arXiv:2103.00020, section 2.5)."""


class InfoNCE(nn.Module):
    """Symmetric multi-positive InfoNCE between predictions and target vectors, plus smooth L1 if wanted.

    Entries with the same target id are positives of each other. Keyword arguments are config keys:

    temperature        of the logits; the starting value if learned
    learn_temperature  learn the logarithm of the scale; temperatures below 0.01 then become 0.01
    similarity         "cosine" normalises both sides, "dot" neither; "euclidean" is minus the squared distance,
                       "manhattan" minus the sum of absolute differences, of vectors as they are
    label_smoothing    share of the target spread evenly over all keys
    weight             of the contrastive term
    warmup             epochs over which the weight is reached, linearly
    regression         weight of the smooth L1 term between prediction and target
    across             under torchrun, how the targets of other ranks come here: "gather" all at once, "ring" one rank's
                       at a time, or "auto", the first while they fit into 512 MiB with their gradients
    """

    spans_ranks = True

    def __init__(
        self,
        *,
        temperature: Annotated[float, Field(gt=0)] = 0.01,
        learn_temperature: bool = False,
        similarity: Literal["cosine", "dot", "euclidean", "manhattan"] = "cosine",
        label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        weight: Annotated[float, Field(ge=0)] = 1.0,
        warmup: Annotated[int, Field(ge=0)] = 0,
        regression: Annotated[float, Field(ge=0)] = 0.0,
        across: Literal["auto", "gather", "ring"] = "auto",
    ) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(1 / temperature).log(), requires_grad=learn_temperature)
        self.similarity = similarity
        self.label_smoothing = label_smoothing
        self.weight = weight
        self.warmup = warmup
        self.regression = regression
        self.across = across

    def forward(self, prediction: Tensor, batch: Batch) -> Tensor:
        """(B, D) predictions and a batch of retrieval samples to a 0-d loss."""
        query, key = prediction, batch.target
        if self.similarity == "cosine":
            query, key = F.normalize(query, dim=-1), F.normalize(key, dim=-1)
        elif self.similarity == "euclidean":
            query, key = _squares_as_products(query, key)
        elif self.similarity == "manhattan":
            if batch.ranks > 1:
                raise CtkError("info-nce has no Manhattan distances across processes.", "Train in one process.")
            query = -torch.cdist(query.float(), key.float(), p=1)
            key = torch.eye(len(key), device=key.device)  # the products are then the distances themselves
        if self.log_scale.requires_grad:
            with torch.no_grad():  # the parameter is held, not what is computed from it, so that it can come back
                self.log_scale.clamp_(max=MAX_LOG_SCALE)
        scale = self.log_scale.exp()
        ids = batch.target_ids
        kind = partial(ops.info_nce_across, way=self.across) if batch.ranks > 1 else ops.info_nce
        distances = self.similarity in ("euclidean", "manhattan")  # differences of large numbers want float32
        with torch.autocast(query.device.type, enabled=False) if distances else nullcontext():
            loss = kind(query, key, scale, query_ids=ids, key_ids=ids, label_smoothing=self.label_smoothing)
        loss = loss * self.weight * min(1.0, (batch.epoch + 1) / max(1, self.warmup))
        if self.regression:
            # A rank without rows has a share of 0, and a mean over none would be NaN.
            rows = F.smooth_l1_loss(prediction, batch.target) if len(prediction) else prediction.sum()
            loss = loss + self.regression * batch.share * rows
        return loss


def _squares_as_products(query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
    """Return (B, D + 2) vectors whose products are minus the squared distances: 2 q.k - q.q - k.k."""
    query, key = query.float(), key.float()
    own, other = ((each * each).sum(-1, keepdim=True) for each in (query, key))
    return (
        torch.cat([2 * query, -own, torch.ones_like(own)], -1),
        torch.cat([key, torch.ones_like(other), -other], -1),
    )
