"""InfoNCE over the whole matrix of logits."""

from __future__ import annotations

import torch
from torch import Tensor


def info_nce(
    query: Tensor,
    key: Tensor,
    logit_scale: float | Tensor,
    positive: Tensor,
    label_smoothing: float = 0.0,
    symmetric: bool = True,
) -> Tensor:
    """Compute ``ctk.ops.info_nce`` of any floating dtype, positives as a (B, K) bool mask, B x K logits in memory."""
    wide = query.dtype if query.dtype.itemsize == 8 else None
    logits = (query.to(wide) @ key.to(wide).T if wide else query.float() @ key.float().T) * logit_scale
    loss = _one_way(logits, positive, label_smoothing)
    if symmetric:
        loss = (loss + _one_way(logits.T, positive.T, label_smoothing)) / 2
    return loss


def _one_way(logits: Tensor, positive: Tensor, label_smoothing: float) -> Tensor:
    count = positive.sum(1)
    # Sums of logits before the subtraction, so that no B x K matrix of log-probabilities is kept for backward.
    mean_positive = logits.where(positive, 0).sum(1) / count.clamp(min=1)
    loss = logits.logsumexp(1) - (1 - label_smoothing) * mean_positive
    if label_smoothing:
        loss = loss - label_smoothing * logits.mean(1)
    counts = count > 0
    return torch.where(counts, loss, 0 * loss).sum() / counts.sum()  # 0 * NaN is NaN: no row hides one
