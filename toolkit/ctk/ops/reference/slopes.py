"""Sums of absolute values and their slopes along shares: as many rows at a time as fit a bound."""

from __future__ import annotations

import torch
from torch import Tensor

HELD = 1 << 24
"""Numbers that are held at a time."""


def absolute_slopes(blend: Tensor, members: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
    """Compute ``ctk.ops.slopes.absolute_slopes`` with every sum in float64."""
    at = shares.to(blend.dtype)
    values, slopes = torch.zeros_like(shares), torch.zeros_like(shares)
    run = max(1, HELD // (2 * max(1, shares.numel())))
    for first in range(0, len(blend), run):
        e = blend[first : first + run]
        toward = (members[:, first : first + run] - e)[:, None]
        x = e + at[..., None] * toward
        values += x.abs().sum(dim=-1, dtype=torch.float64)
        slopes += torch.where(x.signbit(), -toward, toward).sum(dim=-1, dtype=torch.float64)
    unknown = values.isnan() | ~at.isfinite()
    return values.masked_fill(unknown, torch.nan), slopes.masked_fill(unknown, torch.nan)
