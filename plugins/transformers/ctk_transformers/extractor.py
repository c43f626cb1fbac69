"""Features of pictures by a frozen DETR."""

from __future__ import annotations

from torch import nn

from ctk.contract import Count
from ctk_timm import RegionExtractor, StackedFrames
from ctk_transformers.detr import DetrMap, Layer, load_detr

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet, by which every published DETR's pictures are normalised."""


class DetrRegions(RegionExtractor):
    """Embed pictures by region with a frozen DETR, and compare the frames of a sample region by region.

    ``region-R-C`` (N, F) is the map averaged over a region of the newest frame, ``similarity-I-J`` the cosines of
    frames I and J (N, regions).

    model     a local folder, or an id of the hub
    layer     the map: the encoder's last hidden states, or the backbone's features
    pictures  the feature that holds them, (N, T, H, W, 3) or (N, H, W, 3) uint8
    grid      rows and columns of regions
    size      height and width to bring pictures to; as they are where there is none
    batch     samples at a time
    """

    title = "detr-regions"

    def __init__(
        self,
        *,
        model: str = "facebook/detr-resnet-50",
        layer: Layer = "encoder",
        pictures: str = "frames",
        grid: tuple[Count, Count] = (2, 4),
        size: tuple[Count, Count] | None = None,
        batch: Count = 32,
    ) -> None:
        super().__init__(pictures, (grid[0], grid[1]), None if size is None else (size[0], size[1]), batch)
        self.model, self.layer = model, layer

    def network(self, size: tuple[int, int]) -> tuple[nn.Module, StackedFrames]:
        """Load the DETR's map."""
        return DetrMap(load_detr(self.model), self.layer), StackedFrames(MEAN, STD, size=size)
