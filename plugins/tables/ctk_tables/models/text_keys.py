"""A number for each text of a column, the same in numpy and in torch, so that a network looks texts up in a batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ctk.samples import Array
from ctk.training import text_codes

SEED = 20_261_201
"""Of the factors; what is saved depends on it."""


def keys_of_texts(texts: Array, column: int) -> Array:
    """(N,) int64 keys of the texts (N,) of a column, by its number."""
    keys: Array = (_products(text_codes(texts)) + _shift(column)).numpy()
    return keys


def keys_of_codes(codes: Tensor) -> Tensor:
    """(B, C) int64 keys of code points (B, C, W) of the columns 0 to C - 1."""
    keys: Tensor = _products(codes) + _shift(torch.arange(codes.shape[1], device=codes.device))
    return keys


def _products(codes: Tensor) -> Tensor:
    """(..., W) to (...) int64: a sum of code points, each with a random factor of its place, modulo 2**64.

    Of two texts it is one number for as good as no factors: in 1 of some 2**62.
    """
    factors = np.random.default_rng(SEED).integers(-(2**63), 2**63 - 1, codes.shape[-1], np.int64) | 1
    keys: Tensor = (codes.long() * torch.from_numpy(factors).to(codes.device)).sum(-1)
    return keys


def _shift(column: Any) -> Any:
    factor = int(np.random.default_rng(SEED + 1).integers(0, 2**62)) | 1
    return column * factor if isinstance(column, Tensor) else torch.tensor(column) * factor
