"""The products alone: the floor under everything that needs each of them once."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ctk.bench.bench_case import Run

LARGE = 8192
LARGE_OPERATIONS = 2 * LARGE**3


def of_torch(x: Tensor, y: Tensor) -> Run:
    """x @ y.T, P @ y and P.T @ x, into memory that is there."""
    logits = x.new_empty(len(x), len(y))
    of_x, of_y = torch.empty_like(x), torch.empty_like(y)

    def run() -> None:
        torch.mm(x, y.T, out=logits)
        torch.mm(logits, y, out=of_x)
        torch.mm(logits.T, x, out=of_y)

    return run


def of_numpy(x: Tensor, y: Tensor) -> Run:
    """The matrix products by numpy's BLAS, which on some processors is quicker than torch's."""
    a, b = x.numpy(), y.numpy()
    logits = np.empty((len(a), len(b)), a.dtype)
    of_a, of_b = np.empty_like(a), np.empty_like(b)

    def run() -> None:
        np.matmul(a, b.T, out=logits)
        np.matmul(logits, b, out=of_a)
        np.matmul(logits.T, a, out=of_b)

    return run


def scores_of_torch(query: Tensor, gallery: Tensor, rows: int) -> Run:
    """query @ gallery.T, so many rows at a time into memory that is there."""
    scores = query.new_empty(min(rows, len(query)), len(gallery))

    def run() -> None:
        for part in torch.split(query, rows):
            torch.mm(part, gallery.T, out=scores[: len(part)])

    return run


def scores_of_numpy(query: Tensor, gallery: Tensor) -> Run:
    """query @ gallery.T by numpy's BLAS."""
    a, b = query.numpy(), gallery.numpy()
    scores = np.empty((len(a), len(b)), a.dtype)

    def run() -> None:
        np.matmul(a, b.T, out=scores)

    return run


def large_bfloat16() -> Run:
    """A product of two square matrices that are large enough for a GPU's full rate."""
    a, b = (torch.randn(LARGE, LARGE, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    result = torch.empty_like(a)

    def run() -> None:
        torch.mm(a, b, out=result)

    return run
