"""Metadata of a picture as numbers that a network reads, standardised by the training rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ctk.samples import Array, Samples
from ctk.training import text_codes
from ctk_csiro_biomass.columns import DATE, HEIGHT, NDVI, SPECIES, STATE

NUMBERS, CATEGORIES = (NDVI, HEIGHT), (STATE, SPECIES)
SLOTS = 64
"""Categories that are known of one feature, the most frequent ones: so many, that every fold's table has one shape."""
EMBEDDED = 8
"""Width of a category's learned vector."""
FLOOR = 1e-6
"""Smallest deviation that is divided by: what does not vary stays 0."""
DAYS_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
"""Days of a year before each month."""


class Standardised(nn.Module):
    """Columns (B, C) to mean 0 and deviation 1 by the training rows; what is NaN becomes the mean, 0.

    Mean and deviation are buffers, so that they are saved with the network and are those of its own fold.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, rows: Array) -> None:
        super().__init__()
        mean, std = moments(rows)
        self.register_buffer("mean", torch.from_numpy(mean).float())
        self.register_buffer("std", torch.from_numpy(std).float())

    def forward(self, values: Tensor) -> Tensor:
        """(B, C) to (B, C) float32."""
        scaled = (values.float() - self.mean) / self.std
        return torch.where(torch.isnan(scaled), torch.zeros_like(scaled), scaled)


class Category(nn.Module):
    """A text's learned vector (B, EMBEDDED); unknown and empty texts have one in common."""

    codes: Tensor

    def __init__(self, texts: Array) -> None:
        super().__init__()
        known = Counter(str(text) for text in texts if text)
        names = sorted(sorted(known), key=lambda name: -known[name])[:SLOTS]
        self.register_buffer("codes", text_codes(np.array(names + [""] * (SLOTS - len(names)))))
        self.vectors = nn.Embedding(SLOTS + 1, EMBEDDED)

    def forward(self, texts: Tensor) -> Tensor:
        """(B, 128) code points to (B, EMBEDDED)."""
        same = (texts.unsqueeze(1) == self.codes).all(dim=-1) & (self.codes[:, 0] != 0)
        place = torch.where(same.any(dim=1), same.int().argmax(dim=1) + 1, 0)
        vectors: Tensor = self.vectors(place)
        return vectors

    def names(self) -> list[str]:
        """The categories that have a vector of their own."""
        return ["".join(map(chr, row)).rstrip("\0") for row in self.codes.tolist() if row[0]]


class MetadataTokens(nn.Module):
    """What is known of a picture beside it, a block of columns for each: (B, C) each, whose widths are ``widths``.

    ndvi and height are a column, standardised; a date is two, sine and cosine of its place in the year, standardised;
    state and species are learned vectors. What is unknown is the mean, or the vector of the unknown.
    """

    def __init__(self, samples: Samples, names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)
        self.parts = nn.ModuleDict({name: _part(name, samples.features[name]) for name in names})
        self.widths = [EMBEDDED if name in CATEGORIES else 2 if name == DATE else 1 for name in names]

    def forward(self, values: Sequence[Tensor], hidden: Tensor | None = None) -> list[Tensor]:
        """Features as the samples have them to their blocks; those of ``hidden`` rows (B,) bool are unknown."""
        blocks = []
        for name, value in zip(self.names, values, strict=True):
            if hidden is not None:
                unknown = torch.zeros_like(value) if name not in NUMBERS else torch.full_like(value, torch.nan)
                value = torch.where(hidden.reshape(-1, *[1] * (value.ndim - 1)), unknown, value)
            blocks.append(self.parts[name](season(value) if name == DATE else _column(name, value)))
        return blocks

    def describe(self) -> dict[str, Any]:
        """Tell means, deviations and categories by feature, as JSON takes them."""
        told: dict[str, Any] = {}
        for name, part in self.parts.items():
            if isinstance(part, Category):
                told[name] = {"categories": part.names()}
            elif isinstance(part, Standardised):
                columns = {"columns": ["sine of the year", "cosine of the year"]} if name == DATE else {}
                told[name] = {**columns, "mean": part.mean.tolist(), "std": part.std.tolist()}
        return told


def season(dates: Tensor) -> Tensor:
    """Code points (B, 128) of YYYY-MM-DD to sine and cosine of the day in the year, (B, 2) float32; NaN for none."""
    digits = (dates - ord("0")).float()
    month, day = digits[:, 5] * 10 + digits[:, 6], digits[:, 8] * 10 + digits[:, 9]
    before = torch.tensor(DAYS_BEFORE, device=dates.device, dtype=torch.float32)
    ordinal = before[month.long().clamp(1, 12) - 1] + day
    turn = (2 * torch.pi / 365.25) * torch.where(dates[:, 0] != 0, ordinal, torch.full_like(ordinal, torch.nan))
    return torch.stack([turn.sin(), turn.cos()], dim=1)


def moments(rows: Array) -> tuple[Array, Array]:
    """Means and deviations (C,) float64 of what is known of columns (N, C); 0 and 1 where nothing is, or varies."""
    with np.errstate(all="ignore"):
        values = np.asarray(rows, np.float64)
        known = ~np.isnan(values)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, values, 0).sum(axis=0) / count
        std = np.sqrt((np.where(known, values - mean, 0) ** 2).sum(axis=0) / count)
    return mean, np.where(std > FLOOR, std, 1.0)


def columns_of(features: Mapping[str, Any], names: Sequence[str]) -> Array:
    """Lay features (N,) side by side, (N, C)."""
    return np.stack([np.asarray(features[name], np.float64) for name in names], axis=1)


def _part(name: str, values: Array) -> nn.Module:
    if name in CATEGORIES:
        return Category(np.asarray(values))
    if name == DATE:
        return Standardised(season(text_codes(values)).double().numpy())
    return Standardised(np.asarray(values, np.float64)[:, None])


def _column(name: str, value: Tensor) -> Tensor:
    return value.unsqueeze(1) if name in NUMBERS else value
