"""Absolute errors along shares: what a step of a climb by mean absolute error searches. Kernels in csrc/slopes."""

from __future__ import annotations

import torch
from torch import Tensor

from ctk.ops import native
from ctk.ops.library import define, fake
from ctk.ops.reference.slopes import absolute_slopes as reference

define("absolute_slopes(Tensor blend, Tensor members, Tensor shares) -> (Tensor values, Tensor slopes)")


def absolute_slopes(blend: Tensor, members: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
    """sum |x| and a subgradient of it by the share, for x = blend + share * (member - blend), in one pass.

    blend    (n,) float32 or float64: the errors of a blend
    members  (M, n), same dtype: those of the members that it could move to
    shares   (M, K) float64, rounded to the data's dtype
    returns  (M, K) and (M, K) float64. The same call gives the same bits, whatever the number of threads. Slopes never
             fall along ascending shares. NaN in the blend or in a member gives NaN, and so does a share that is not
             finite. Infinite where 512 float32 errors add up to more than float32 holds.
    memory   0.2% of the members' for each share, beyond inputs and results
    source   x is linear in the share, so the sum is convex, and sum sign(x) (member - blend) is a subgradient; a zero
             counts with the sign that it has: csrc/slopes/README.md
    raises   ValueError for shapes, dtypes and devices that do not fit
    """
    _check(blend, members, shares)
    if not native.serves(blend):
        return reference(blend, members, shares)
    found: tuple[Tensor, Tensor] = torch.ops.ctk.absolute_slopes(blend, members, shares)
    return found


def _check(blend: Tensor, members: Tensor, shares: Tensor) -> None:
    if blend.ndim != 1 or members.ndim != 2 or members.shape[1] != len(blend):
        raise ValueError(
            f"blend (n,) and members (M, n) are needed, not {tuple(blend.shape)} and {tuple(members.shape)}"
        )
    if shares.ndim != 2 or len(shares) != len(members):
        raise ValueError(f"shares ({len(members)}, K) are needed, not {tuple(shares.shape)}")
    if blend.dtype not in (torch.float32, torch.float64) or members.dtype != blend.dtype:
        raise ValueError(f"blend and members need one dtype, float32 or float64, not {blend.dtype} and {members.dtype}")
    if shares.dtype != torch.float64:
        raise ValueError(f"shares are {shares.dtype}; absolute_slopes takes float64")
    for name, each in (("members", members), ("shares", shares)):
        if each.device != blend.device:
            raise ValueError(f"{name} are on {each.device} and blend on {blend.device}; they need to be on one device")


@fake("absolute_slopes")
def _fake(blend: Tensor, members: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
    return shares.new_empty(shares.shape), shares.new_empty(shares.shape)
