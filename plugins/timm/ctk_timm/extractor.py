"""Features of pictures by a frozen timm backbone."""

from __future__ import annotations

from torch import Tensor, nn

from ctk.contract import Count
from ctk_timm.backbones import Backbone
from ctk_timm.choice import BackboneChoice
from ctk_timm.pictures import StackedFrames
from ctk_timm.region_extractor import RegionExtractor

PRETRAINED = BackboneChoice(pretrained=True)


class TimmRegions(RegionExtractor):
    """Embed pictures by region with a frozen timm backbone, and compare the frames of a sample region by region.

    ``region-R-C`` (N, F) is the last feature map averaged over a region of the newest frame, ``similarity-I-J`` the
    cosines of frames I and J (N, regions).

    backbone  a model of timm and its weights
    pictures  the feature that holds them, (N, T, H, W, 3) or (N, H, W, 3) uint8
    grid      rows and columns of regions
    size      height and width to bring pictures to; as they are where there is none
    batch     samples at a time
    """

    title = "timm-regions"

    def __init__(
        self,
        *,
        backbone: BackboneChoice = PRETRAINED,
        pictures: str = "frames",
        grid: tuple[Count, Count] = (2, 4),
        size: tuple[Count, Count] | None = None,
        batch: Count = 64,
    ) -> None:
        super().__init__(pictures, (grid[0], grid[1]), None if size is None else (size[0], size[1]), batch)
        self.choice = BackboneChoice.model_validate(backbone)

    def network(self, size: tuple[int, int]) -> tuple[nn.Module, StackedFrames]:
        """Make the backbone's last map."""
        backbone = Backbone(self.choice, 3, size)
        backbone.load_pretrained()
        return LastMap(backbone), StackedFrames(backbone.mean, backbone.std, size=size)


class LastMap(nn.Module):
    """A backbone's last feature map as what is called."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, 3, h, w) to (B, F, rows, columns)."""
        return self.backbone.last_map(pictures)
