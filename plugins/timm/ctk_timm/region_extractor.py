"""What extractors of frozen picture networks share: their samples' pictures, and one network for all blocks."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from ctk.contract import Extractor
from ctk.errors import UsageError
from ctk.samples import Array, Samples
from ctk.training import torch_device
from ctk_timm.pictures import StackedFrames
from ctk_timm.regions import embed_regions


class RegionExtractor(Extractor):
    """Embeds pictures by region with a frozen network. A subclass has the network and a name for errors.

    ``region-R-C`` (N, F) is the network's map averaged over a region of the newest frame, ``similarity-I-J`` the
    cosines of frames I and J (N, regions).

    pictures  the feature that holds them, (N, T, H, W, 3) or (N, H, W, 3) uint8
    grid      rows and columns of regions
    size      height and width to bring pictures to, or None
    batch     samples at a time
    """

    rows = 4096
    title: ClassVar[str]

    def __init__(self, pictures: str, grid: tuple[int, int], size: tuple[int, int] | None, batch: int) -> None:
        self.pictures, self.grid, self.size, self.batch = pictures, grid, size, batch
        self._made: tuple[tuple[int, int], nn.Module, StackedFrames] | None = None

    @abstractmethod
    def network(self, size: tuple[int, int]) -> tuple[nn.Module, StackedFrames]:
        """Make a network from (B, 3, h, w) to its map (B, F, rows, columns), and what normalises its pictures."""

    def extract(self, samples: Samples, progress: Callable[[int, int], None]) -> dict[str, Array]:
        """Embed the samples' pictures, as ``embed_regions`` says."""
        frames = frames_of(samples, self.pictures, self.title)
        size = self.size or (frames.shape[2], frames.shape[3])
        if self._made is None or self._made[0] != size:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)  # without weights it is a random projection, the same for train and test
                network, normalise = self.network(size)
            device = torch_device(self.device)
            self._made = size, network.to(device).eval().requires_grad_(False), normalise.to(device)
        _, network, normalise = self._made
        return embed_regions(frames, network, normalise=normalise, grid=self.grid, batch=self.batch, progress=progress)


def frames_of(samples: Samples, name: str, asker: str) -> Array:
    """Return the pictures of a feature, (N, T, H, W, 3) uint8; single ones, (N, H, W, 3), as T = 1.

    Raises UsageError, naming the extractor that asks, for a feature that is not there or holds no pictures.
    """
    if name not in samples.features:
        named = ", ".join(sorted(each for each, values in samples.features.items() if _is_pictures(values)))
        raise UsageError(
            f"Extractor '{asker}': the samples have no feature '{name}'.",
            f"Features with pictures: {named}." if named else "They have no pictures.",
        )
    values = samples.features[name]
    if not _is_pictures(values):
        raise UsageError(
            f"Extractor '{asker}': feature '{name}' is {values.shape[1:]} {values.dtype} a sample, no pictures.",
            "Pictures are (H, W, 3) uint8 a sample, or (frames, H, W, 3).",
        )
    return values if values.ndim == 5 else values[:, None]


def _is_pictures(values: Array) -> bool:
    return values.dtype == np.uint8 and values.ndim in (4, 5) and values.shape[-1] == 3
