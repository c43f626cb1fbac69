"""Ranks and best entries over whole rows of scores, tile by tile."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

TILE_SCORES = 1 << 22
"""Scores held at a time: 32 MiB in float64."""


def rank_counts(
    query: Tensor, gallery: Tensor, order: Tensor, starts: Tensor, ends: Tensor, classes: Tensor
) -> tuple[Tensor, Tensor]:
    """Compute ``torch.ops.ctk.rank_counts`` for any floating dtype and device."""
    greater = torch.full((len(query),), -2, dtype=torch.int64, device=query.device)
    equal = torch.zeros_like(greater)
    if len(gallery) == 0:
        return greater, equal
    some = (starts >= 0) & (starts < ends) & (ends <= len(gallery))
    for rows, scores in _tiles(query, gallery):
        wrong = classes[None, :] != starts[rows, None]
        wrong |= ~some[rows, None]
        best = scores.masked_fill(wrong, -torch.inf).amax(1, keepdim=True)
        found = some[rows]
        finite = scores.isfinite().all(1)
        above = ((scores > best) & wrong).sum(1)
        greater[rows] = torch.where(found, torch.where(finite, above, -1), -2)
        equal[rows] = ((scores == best) & wrong).sum(1) * (found & finite)
    return greater, equal


def top_scores(query: Tensor, gallery: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Compute ``torch.ops.ctk.top_scores`` for any floating dtype and device."""
    values = torch.empty((len(query), k), dtype=torch.promote_types(query.dtype, torch.float32), device=query.device)
    rows_of = torch.empty((len(query), k), dtype=torch.int64, device=query.device)
    for rows, scores in _tiles(query, gallery):
        best = scores.sort(dim=1, descending=True, stable=True)  # topk leaves open which of equal scores it takes
        values[rows], rows_of[rows] = best.values[:, :k], best.indices[:, :k]
    return values, rows_of


def _tiles(query: Tensor, gallery: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Scores as products in float64, rounded to float32 (float64 inputs: left as they are)."""
    step = max(1, TILE_SCORES // max(1, len(gallery)))
    wide = gallery.double().T
    for start in range(0, len(query), step):
        rows = slice(start, start + step)
        scores = query[rows].double() @ wide
        yield rows, scores if query.dtype == torch.float64 else scores.float()
