"""The loss of pictures and captions, both as unit vectors."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ctk.ops import info_nce


def contrast(
    pictures: Tensor,
    captions: Tensor,
    of: Tensor,
    right: Tensor,
    scale: Tensor,
    *,
    weight: float,
    memory_limit: int | None = None,
) -> Tensor:
    """Return InfoNCE between pictures and right captions, times its weight, and cross entropy over each row's own.

    Rows with equal captions are positives of each other (Khosla et al. 2020): a caption that holds of several pictures
    of a batch is no negative of any. Two different captions of one question exclude each other, so that in a batch
    ``within: question`` no negative is false. The own candidates are of all questions, and false but for one.

    pictures  (B, P), captions (U, P), each caption once
    of        (B, C) int64, which captions are a row's candidates
    right     (B,) int64, the right one's place among them
    scale     0-d, of the cosines
    returns   0-d
    """
    loss = F.cross_entropy(scale * (pictures.unsqueeze(1) * captions[of]).sum(dim=-1), right)
    if weight:
        ids = of.gather(1, right.unsqueeze(1)).squeeze(1)
        # Products of unit vectors in half precision are off by more than a learned scale of 100 bears.
        with torch.autocast(pictures.device.type, enabled=False):
            between = info_nce(pictures, captions[ids], scale, query_ids=ids, key_ids=ids, memory_limit=memory_limit)
        loss = loss + weight * between
    return loss
