"""Pictures by region: what a network's last feature map holds there, and how alike the frames are."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
import torch
from torch import Tensor, nn

from ctk.samples import Array
from ctk.training import autocast
from ctk_timm.pictures import StackedFrames


def embed_regions(
    frames: Array,
    last_map: Callable[[Tensor], Tensor],
    *,
    normalise: StackedFrames,
    grid: tuple[int, int] = (2, 4),
    batch: int = 64,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Array]:
    """Embed the newest frame by region, and compare the frames of a sample with each other there.

    frames     (N, T, H, W, 3) uint8, oldest to newest, in memory or mapped
    last_map   (B, 3, h, w) normalised pictures to their feature map (B, F, rows, columns), on ``normalise``'s device
    grid       rows and columns of regions; the map is averaged over each
    returns    float32: ``region-R-C`` (N, F), of the newest frame, regions from the top left; and for each two frames
               ``similarity-I-J`` (N, rows * columns), the cosine of their embeddings in each region
    memory     the result, and a batch of frames

    It is computed without gradients, in bfloat16 where that is faster.
    """
    count, moments = frames.shape[:2]
    rows, columns = grid
    pairs = list(combinations(range(moments), 2))
    found: dict[str, Array] = {
        f"similarity-{one}-{other}": np.empty((count, rows * columns), np.float32) for one, other in pairs
    }
    regions: Array | None = None
    device = normalise.factor.device
    with torch.inference_mode(), autocast(device, "auto"):
        for start in range(0, count, batch):
            some = torch.from_numpy(np.array(frames[start : start + batch])).to(device)
            pictures = normalise(some.flatten(0, 1).unsqueeze(1))
            means = nn.functional.adaptive_avg_pool2d(last_map(pictures).float(), grid)
            means = means.flatten(2).transpose(1, 2)  # (B T, regions, F)
            means = means.reshape(len(some), moments, *means.shape[1:])
            stop = start + len(some)
            if regions is None:
                regions = np.empty((rows * columns, count, means.shape[-1]), np.float32)
            regions[:, start:stop] = means[:, -1].transpose(0, 1).cpu().numpy()
            for one, other in pairs:
                alike = nn.functional.cosine_similarity(means[:, one], means[:, other], dim=-1)
                found[f"similarity-{one}-{other}"][start:stop] = alike.cpu().numpy()
            progress(stop, count)
    if regions is not None:
        found |= {f"region-{number // columns}-{number % columns}": each for number, each in enumerate(regions)}
    return found
