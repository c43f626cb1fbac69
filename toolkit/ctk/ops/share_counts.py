"""Ranks along a grid of shares: what a climb by mean reciprocal rank counts. Kernels in csrc/climb."""

from __future__ import annotations

import torch
from torch import Tensor

from ctk.ops import native
from ctk.ops.library import define, fake
from ctk.ops.reference.share_counts import share_counts as reference

define("share_counts(Tensor scores, Tensor targets, Tensor weights, Tensor shares) -> Tensor")


def share_counts(scores: Tensor, targets: Tensor, weights: Tensor, shares: Tensor) -> Tensor:
    """How many gallery entries beat each query's positive, for every member and share that a climb could mix in.

    The blend is sum(weights[m] * scores[m]); candidate (m, k) is (1 - shares[k]) * blend + shares[k] * scores[m].

    scores   (M, n, G) float32: M members' scores of n queries and G gallery entries. NaN is never counted: so the
             positives themselves are left out.
    targets  (M, n, P) float32: the scores of each query's positives; the best of them under each candidate counts.
             Repeat one where a query has fewer than P.
    weights  (M,) float32; all zero makes candidate (m, k) the member alone where shares[k] is 1
    shares   (K,) float32, ascending; even steps are quick. On a CUDA device at most 1,024.
    returns  (M, n, K) int32 in halves: 2 for an entry above the positive and 1 for one level with it, so that the mean
             rank is 1 + counts / 2. Counts of parts of a gallery add up.
    source   from blend to member the lead of an entry over a positive is linear in the share, so it changes its sign at
             most once: csrc/climb/README.md
    raises   ValueError for shapes, dtypes and devices that do not fit
    """
    _check(scores, targets, weights, shares)
    if not native.serves(scores):
        return reference(scores, targets, weights, shares)
    counts: Tensor = torch.ops.ctk.share_counts(scores, targets, weights, shares)
    return counts


def _check(scores: Tensor, targets: Tensor, weights: Tensor, shares: Tensor) -> None:
    members, rows = scores.shape[:2] if scores.ndim == 3 else (0, 0)
    if not members or targets.ndim != 3 or targets.shape[:2] != (members, rows) or not targets.shape[2]:
        raise ValueError(
            f"scores (M, n, G) and targets (M, n, P) are needed, not {tuple(scores.shape)} and {tuple(targets.shape)}"
        )
    if weights.shape != (members,) or shares.ndim != 1 or not len(shares):
        raise ValueError(
            f"weights ({members},) and shares (K,) are needed, not {tuple(weights.shape)} and {tuple(shares.shape)}"
        )
    for name, each in (("scores", scores), ("targets", targets), ("weights", weights), ("shares", shares)):
        if each.dtype != torch.float32:
            raise ValueError(f"{name} are {each.dtype}; share_counts takes float32")
        if each.device != scores.device:
            raise ValueError(f"{name} are on {each.device} and scores on {scores.device}")


@fake("share_counts")
def _fake(scores: Tensor, targets: Tensor, weights: Tensor, shares: Tensor) -> Tensor:
    return scores.new_empty((*scores.shape[:2], shares.shape[0]), dtype=torch.int32)
