"""Folds in the order of time, so that a score is what tomorrow will be like."""

from __future__ import annotations

import numpy as np

from ctk.contract import Split
from ctk.errors import UsageError
from ctk.samples import Array, Samples
from ctk.workflow.split.fold import Fold


def time_folds(samples: Samples, split: Split) -> list[Fold]:
    """Cut blocks of about as many rows each, in the order of the group ``by``; equal times are in one block.

    With ``chain`` there is a block more than folds: fold f trains on all that is earlier than the block it validates
    on, so the first block is only trained on (Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 5.10).
    Without, every block is validated on once, by a model of all others. ``gap`` units of time next to what is
    validated are left out of training (purging: Lopez de Prado, Advances in Financial Machine Learning, 7.4).

    Folds are in the order of time; ``use`` takes the last of them. Raises UsageError where there are too few times, or
    the gap leaves nothing to train on.
    """
    times = np.asarray(samples.group(str(split.by)))
    moments, counts = np.unique(times, return_counts=True)
    blocks = split.folds + split.chain
    if len(moments) < blocks:
        most = len(moments) - split.chain
        fewer = f"Set at most {most} (-o split.folds={most}, ctk cv --folds {most}), or a" if most > 1 else "A"
        raise UsageError(
            f"{split.folds} folds need {blocks} times in group '{split.by}', and it has {len(moments)}.",
            f"{fewer}nother group: -o split.by=NAME.",
        )
    edges = _edges(counts, blocks)
    used = range(blocks - split.use, blocks)
    return [_fold(times, moments[edges[block]], moments[edges[block + 1] - 1], split) for block in used]


def _edges(counts: Array, blocks: int) -> list[int]:
    """Find the first moment of each block, and the end: rows shared out evenly, no block without a moment."""
    total = np.cumsum(counts)
    edges = [0]
    for block in range(1, blocks):
        even = int(np.abs(total - total[-1] * block / blocks).argmin()) + 1
        edges.append(min(max(even, edges[-1] + 1), len(counts) - (blocks - block)))
    return [*edges, len(counts)]


def _fold(times: Array, first: int, last: int, split: Split) -> Fold:
    """Make the fold that validates on the times from ``first`` to ``last``."""
    # Python's whole numbers: times in nanoseconds are near the end of int64.
    earlier = times < int(first) - split.gap
    train = earlier if split.chain else earlier | (times > int(last) + split.gap)
    return Fold(np.flatnonzero(train), np.flatnonzero((times >= first) & (times <= last)))
