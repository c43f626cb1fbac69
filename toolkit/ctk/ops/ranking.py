"""Exact ranks by counting, tile by tile, in plain torch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor

Ties = Literal["optimistic", "pessimistic", "mean"]

TILE_SCORES = 1 << 22
"""Scores held at a time: 16 MiB in float32, which stays near the cache."""


def target_ranks(
    query: Tensor,
    gallery: Tensor,
    target: Tensor | None = None,
    *,
    query_ids: Tensor | None = None,
    gallery_ids: Tensor | None = None,
    ties: Ties = "mean",
) -> Tensor:
    """Rank of each query's target among the gallery by dot product; 1 is best. Counted, never sorted.

    query    (N, D) floating; gallery (G, D), same dtype and device; target (N,) int64 rows of gallery
    query_ids, gallery_ids  (N,) and (G,) int64, instead of target: every entry with the query's id is a positive, and
             the rank is that of the best of them among the entries that are not
    ties     "optimistic" counts only better entries, "pessimistic" also equal ones, "mean" half of the equal ones
    returns  (N,) float32
    memory   O(tile) beyond inputs and result
    raises   ValueError for shapes that do not fit, a query without a target, and scores that are not finite
             (naming the first row)
    """
    _check(query, gallery)
    by_ids = target is None
    if by_ids and (query_ids is None or gallery_ids is None):
        raise ValueError("either target or query_ids and gallery_ids say what is right")
    ranks = torch.empty(len(query), dtype=torch.float32, device=query.device)
    for start, scores in _tiles(query, gallery):
        rows = slice(start, start + len(scores))
        if target is not None:
            right = torch.zeros_like(scores, dtype=torch.bool).scatter_(1, target[rows, None], True)
        else:
            assert query_ids is not None
            assert gallery_ids is not None
            right = query_ids[rows, None] == gallery_ids[None, :]
        _require(right.any(1), start, "has no target in the gallery")
        _require(scores.isfinite().all(1), start, "has scores that are not finite")
        best = scores.masked_fill(~right, -torch.inf).amax(1, keepdim=True)
        wrong = ~right
        greater = ((scores > best) & wrong).sum(1)
        equal = ((scores == best) & wrong).sum(1)
        share = {"optimistic": 0.0, "pessimistic": 1.0, "mean": 0.5}[ties]
        ranks[rows] = 1 + greater + share * equal
    return ranks


def topk(query: Tensor, gallery: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k best gallery rows of each query by dot product: scores (N, k) and rows (N, k) int64, best first.

    Memory O(tile) beyond inputs and result. Raises ValueError if k is more than the gallery has.
    """
    _check(query, gallery)
    if not 0 < k <= len(gallery):
        raise ValueError(f"k = {k} of a gallery of {len(gallery)}")
    parts = [scores.topk(k, dim=1) for _, scores in _tiles(query, gallery)]
    if not parts:
        return query.new_empty((0, k)), torch.empty((0, k), dtype=torch.int64, device=query.device)
    return torch.cat([part.values for part in parts]), torch.cat([part.indices for part in parts])


def mean_reciprocal_rank(
    query: Tensor,
    gallery: Tensor,
    target: Tensor | None = None,
    *,
    query_ids: Tensor | None = None,
    gallery_ids: Tensor | None = None,
    ties: Ties = "mean",
    cutoff: int | None = None,
) -> float:
    """Mean over queries of 1 / rank (Voorhees 1999, TREC-8); a rank beyond ``cutoff`` counts 0. See target_ranks."""
    ranks = target_ranks(query, gallery, target, query_ids=query_ids, gallery_ids=gallery_ids, ties=ties)
    reciprocal = 1 / ranks.double()
    if cutoff is not None:
        reciprocal[ranks > cutoff] = 0
    return float(reciprocal.mean())


def _tiles(query: Tensor, gallery: Tensor) -> Iterator[tuple[int, Tensor]]:
    step = max(1, TILE_SCORES // max(1, len(gallery)))
    for start in range(0, len(query), step):
        yield start, (query[start : start + step] @ gallery.T).float()


def _check(query: Tensor, gallery: Tensor) -> None:
    if query.ndim != 2 or gallery.ndim != 2 or query.shape[1] != gallery.shape[1]:
        raise ValueError(
            f"query (N, D) and gallery (G, D) are needed, not {tuple(query.shape)}, {tuple(gallery.shape)}"
        )


def _require(good: Tensor, start: int, what: str) -> None:
    if not bool(good.all()):
        raise ValueError(f"query row {start + int((~good).nonzero()[0])} {what}")
