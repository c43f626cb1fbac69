"""Folds of whole groups, or of rows one by one, in a drawn order."""

from __future__ import annotations

import numpy as np

from ctk.contract import Split
from ctk.errors import UsageError
from ctk.samples import Samples
from ctk.workflow.split.fold import Fold, folds_by_number


def block_folds(samples: Samples, split: Split) -> list[Fold]:
    """Permute groups by torch.randperm and cut them into blocks, the last first; without ``by`` a row is a group.

    So ``folds: 10, use: 1`` validates on the last tenth of the permutation, as the AML reference solution does.
    Raises UsageError if there are fewer groups than folds.
    """
    groups = np.arange(len(samples)) if split.by is None else np.asarray(samples.group(split.by))
    present, numbers = np.unique(groups, return_inverse=True)
    if len(present) < split.folds:
        what = "rows" if split.by is None else f"groups '{split.by}'"
        raise UsageError(
            f"{split.folds} folds of {len(present)} {what}.", "Set fewer: -o split.folds=2 (ctk cv: --folds 2)."
        )
    import torch  # late: `ctk run --help` should not wait for it

    order = torch.randperm(len(present), generator=torch.Generator().manual_seed(split.seed)).numpy()
    block = np.empty(len(present), dtype=np.int64)
    edges = [len(present) - round(len(present) * (fold + 1) / split.folds) for fold in range(split.folds)]
    for fold, start in enumerate(edges):
        stop = len(present) if fold == 0 else edges[fold - 1]
        block[order[start:stop]] = fold
    return folds_by_number(block[numbers], split.use)
