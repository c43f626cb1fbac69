"""Learned vectors that look at tokens of a picture and of its metadata."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ctk_csiro_biomass.networks.pieces import Box

BANDS = 6
"""Frequencies of a place's sines and cosines: the highest has a wave of a thirty-second of the picture."""

PLACE = 4 * BANDS + 2
"""Numbers that describe a place."""


class Perceiver(nn.Module):
    """Latents that attend to tokens, and then to each other, ``layers`` times (Jaegle et al. 2021, arXiv:2103.03206).

    (B, N, width) tokens to (B, width), the mean of the latents. Layers have weights of their own; norms come first.
    """

    def __init__(self, width: int, latents: int, layers: int, heads: int) -> None:
        super().__init__()
        self.latents = nn.Parameter(0.02 * torch.randn(latents, width))
        self.layers = nn.ModuleList(
            nn.ModuleList([AttentionBlock(width, heads), AttentionBlock(width, heads)]) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, N, width) to (B, width)."""
        x = self.latents.expand(tokens.shape[0], -1, -1)
        for layer in self.layers:
            across, among = layer.children()
            x = among(across(x, tokens))
        read: Tensor = self.norm(x).mean(dim=1)
        return read


class AttentionBlock(nn.Module):
    """Attention of (B, L, width) to (B, N, width) or to itself, then two layers; each is added to what came in."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm, self.norm_read, self.norm_after = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key_value, self.out = (
            nn.Linear(width, width),
            nn.Linear(width, 2 * width),
            nn.Linear(width, width),
        )
        self.layers = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor, read: Tensor | None = None) -> Tensor:
        """(B, L, width), read from ``read`` (B, N, width) where there is one."""
        key, value = self.key_value(self.norm_read(x if read is None else read)).chunk(2, dim=-1)
        query = self.query(self.norm(x))
        looked = F.scaled_dot_product_attention(self._by_head(query), self._by_head(key), self._by_head(value))
        x = x + self.out(looked.transpose(1, 2).flatten(2))
        made: Tensor = x + self.layers(self.norm_after(x))
        return made

    def _by_head(self, x: Tensor) -> Tensor:
        heads: Tensor = x.unflatten(2, (self.heads, -1))  # type: ignore[no-untyped-call]
        return heads.transpose(1, 2)


def places(boxes: list[Box], size: tuple[int, int], rows: int, columns: int) -> Tensor:
    """Describe where the cells of pieces' feature maps lie in the picture, (K rows columns, PLACE) float32.

    Height and width from -1 to 1, and sines and cosines of them: the Fourier features of the Perceiver.
    """
    height, width = size
    found = []
    for top, left, tall, wide in boxes:
        y = (top + (torch.arange(rows) + 0.5) * tall / rows) / height
        x = (left + (torch.arange(columns) + 0.5) * wide / columns) / width
        found.append(torch.stack(torch.meshgrid(y, x, indexing="ij"), dim=-1).reshape(-1, 2))
    place = 2 * torch.cat(found) - 1
    waves = (math.pi * 2.0 ** torch.arange(BANDS)) * place.unsqueeze(-1)
    return torch.cat([place, waves.sin().flatten(1), waves.cos().flatten(1)], dim=1)
