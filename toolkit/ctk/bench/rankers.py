"""Peers of ctk.ops.target_ranks. Each gives (N,) float32 ranks, ties counted half."""

from __future__ import annotations

import torch
from torch import Tensor

from ctk.bench.bench_case import Run


def count(scores: Tensor, target: Tensor) -> Tensor:
    """Ranks from scores (N, G): what is better, and half of what is equal."""
    own = scores.gather(1, target[:, None])
    return 0.5 + (scores > own).sum(1) + 0.5 * (scores == own).sum(1)  # the target equals itself


def counted(query: Tensor, gallery: Tensor, target: Tensor, rows: int) -> Tensor:
    """Count ranks in plain torch, so many queries at a time."""
    parts = zip(torch.split(query, rows), torch.split(target, rows), strict=True)
    return torch.cat([count(part @ gallery.T, of) for part, of in parts])


def sorted_(query: Tensor, gallery: Tensor, target: Tensor) -> Tensor:
    """Place of the target in the sorted row; equal scores in whatever order they come."""
    order = (query @ gallery.T).argsort(1, descending=True)
    return (order == target[:, None]).float().argmax(1).float() + 1


def faiss(query: Tensor, gallery: Tensor, target: Tensor, best: int) -> Run:
    """A flat index by inner product, made anew each time; ranks beyond the best are NaN."""
    import faiss

    query_rows, gallery_rows = query.numpy(), gallery.numpy()

    def run() -> Tensor:
        index = faiss.IndexFlatIP(gallery_rows.shape[1])
        index.add(gallery_rows)
        found = torch.from_numpy(index.search(query_rows, best)[1]) == target[:, None]
        return torch.where(found.any(1), found.float().argmax(1).float() + 1, torch.nan)

    return run
