"""Features of pictures by a frozen timm backbone."""

from __future__ import annotations

from collections.abc import Callable

import torch

from ctk.contract import Count, Extractor
from ctk.samples import Array, Samples
from ctk_timm.backbones import Backbone
from ctk_timm.choice import BackboneChoice
from ctk_timm.pictures import StackedFrames
from ctk_timm.regions import embed_regions, frames_of, to_device

PRETRAINED = BackboneChoice(pretrained=True)


class TimmRegions(Extractor):
    """Embed pictures by region with a frozen timm backbone, and compare the frames of a sample region by region.

    ``region-R-C`` (N, F) is the last feature map averaged over a region of the newest frame, ``similarity-I-J`` the
    cosines of frames I and J (N, regions).

    backbone  a model of timm and its weights
    pictures  the feature that holds them, (N, T, H, W, 3) or (N, H, W, 3) uint8
    grid      rows and columns of regions
    size      height and width to bring pictures to; as they are where there is none
    batch     samples at a time
    """

    rows = 4096

    def __init__(
        self,
        *,
        backbone: BackboneChoice = PRETRAINED,
        pictures: str = "frames",
        grid: tuple[Count, Count] = (2, 4),
        size: tuple[Count, Count] | None = None,
        batch: Count = 64,
    ) -> None:
        self.choice = BackboneChoice.model_validate(backbone)
        self.pictures, self.batch = pictures, batch
        self.grid: tuple[int, int] = tuple(grid)
        self.size: tuple[int, int] | None = None if size is None else tuple(size)
        self._made: tuple[tuple[int, int], Backbone, StackedFrames] | None = None

    def extract(self, samples: Samples, progress: Callable[[int, int], None]) -> dict[str, Array]:
        """Embed the samples' pictures, as ``embed_regions`` says."""
        frames = frames_of(samples, self.pictures, "timm-regions")
        backbone, normalise = self._network(self.size or frames.shape[2:4])
        return embed_regions(
            frames, backbone.last_map, normalise=normalise, grid=self.grid, batch=self.batch, progress=progress
        )

    def _network(self, size: tuple[int, int]) -> tuple[Backbone, StackedFrames]:
        """Make the backbone for pictures of a size, once for all blocks."""
        if self._made is None or self._made[0] != size:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)  # without weights it is a random projection, the same for train and test
                backbone = Backbone(self.choice, 3, size)
            backbone.load_pretrained()
            normalise = StackedFrames(backbone.mean, backbone.std, size=size)
            to_device(backbone, normalise)
            self._made = size, backbone, normalise
        return self._made[1:]
