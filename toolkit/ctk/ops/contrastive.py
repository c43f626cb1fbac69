"""InfoNCE with several positives a row, in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor


def info_nce(
    query: Tensor,
    key: Tensor,
    logit_scale: float | Tensor,
    *,
    query_ids: Tensor | None = None,
    key_ids: Tensor | None = None,
    label_smoothing: float = 0.0,
    symmetric: bool = True,
) -> Tensor:
    """Mean contrastive loss of queries against keys; a pair with the same id is a positive.

    query        (B, D) floating; key (K, D), same dtype and device. Normalise first for cosine similarity.
    logit_scale  inverse temperature: a float, or a 0-d tensor that gets its gradient
    query_ids    (B,) int64 and key_ids (K,) int64; without them the diagonal is positive, then B = K.
                 Rows without any positive do not count.
    label_smoothing  share of the target spread evenly over all keys
    symmetric    average of the query-to-key and the key-to-query direction
    returns      0-d float32. With several positives a row's loss is minus the mean log-probability over them
                 (Khosla et al. 2020, arXiv:2004.11362, their "outside" form); with one it is van den Oord et al.
                 2018, arXiv:1807.03748.
    memory       B x K logits in float32
    raises       ValueError for shapes that do not fit
    """
    positive = _positives(query, key, query_ids, key_ids)
    logits = (query @ key.T).float() * logit_scale
    loss = _one_way(logits, positive, label_smoothing)
    if symmetric:
        loss = (loss + _one_way(logits.T, positive.T, label_smoothing)) / 2
    return loss


def _positives(query: Tensor, key: Tensor, query_ids: Tensor | None, key_ids: Tensor | None) -> Tensor:
    if query.ndim != 2 or key.ndim != 2 or query.shape[1] != key.shape[1]:
        raise ValueError(f"query (B, D) and key (K, D) are needed, not {tuple(query.shape)} and {tuple(key.shape)}")
    if (query_ids is None) != (key_ids is None):
        raise ValueError("query_ids and key_ids come together")
    if query_ids is None or key_ids is None:
        if len(query) != len(key):
            raise ValueError(f"{len(query)} queries and {len(key)} keys need ids to say which belong together")
        return torch.eye(len(query), dtype=torch.bool, device=query.device)
    if query_ids.shape != query.shape[:1] or key_ids.shape != key.shape[:1]:
        raise ValueError("ids need one entry a row")
    return query_ids[:, None] == key_ids[None, :]


def _one_way(logits: Tensor, positive: Tensor, label_smoothing: float) -> Tensor:
    count = positive.sum(1)
    log_sum = logits.logsumexp(1)
    # Sums of logits before the subtraction, so that no B x K matrix of log-probabilities is kept for backward.
    mean_positive = torch.where(positive, logits, 0.0).sum(1) / count.clamp(min=1)
    loss = log_sum - (1 - label_smoothing) * mean_positive
    if label_smoothing:
        loss = loss - label_smoothing * logits.mean(1)
    return loss[count > 0].mean()
