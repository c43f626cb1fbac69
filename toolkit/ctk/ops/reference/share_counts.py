"""Counts above the positive along a grid of shares: every share in turn."""

from __future__ import annotations

import torch
from torch import Tensor


def share_counts(scores: Tensor, targets: Tensor, weights: Tensor, shares: Tensor) -> Tensor:
    """Compute ``ctk.ops.share_counts`` share by share, in M x n x G x K operations."""
    blend, positive = _blended(scores, weights), _blended(targets, weights)
    counts = scores.new_empty((*scores.shape[:2], len(shares)), dtype=torch.int32)
    for member in range(len(scores)):
        slopes = targets[member] - positive
        for place, share in enumerate(shares):
            best = (positive + share * slopes).argmax(1, keepdim=True)
            margin = blend - positive.gather(1, best)
            slope = (scores[member] - targets[member].gather(1, best)) - margin
            lead = margin + share * slope
            counts[member, :, place] = 2 * (lead > 0).sum(1) + (lead == 0).sum(1)
    return counts


def _blended(scores: Tensor, weights: Tensor) -> Tensor:
    """Sum over members, with one rounding a product and one a sum, as the kernels do it."""
    total = scores[0] * weights[0]
    for score, weight in zip(scores[1:], weights[1:], strict=True):
        total = total + score * weight
    return total
