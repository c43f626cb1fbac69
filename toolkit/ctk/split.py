"""Dividing training samples into folds by group."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from ctk.config import Split
from ctk.errors import UsageError
from ctk.samples import Array, Samples


class Fold(NamedTuple):
    """Row numbers to train on and to validate on, int64, ascending."""

    train: Array
    valid: Array


def folds(samples: Samples, split: Split) -> list[Fold]:
    """The folds that are validated on. Groups are permuted by torch.randperm and cut into blocks, the last block first.

    So ``folds: 10, use: 1`` validates on the last tenth of the permutation, as the AML reference solution does.
    Raises UsageError if there are fewer groups than folds, or fewer predefined folds than are used.
    """
    if split.predefined is not None:
        return _predefined(samples, split)
    groups = np.arange(len(samples)) if split.by is None else np.asarray(samples.group(split.by))
    present, numbers = np.unique(groups, return_inverse=True)
    if len(present) < split.folds:
        raise UsageError(f"{split.folds} folds of {len(present)} groups '{split.by}'.", "Set fewer: -o split.folds=2.")
    order = torch.randperm(len(present), generator=torch.Generator().manual_seed(split.seed)).numpy()
    block = np.empty(len(present), dtype=np.int64)
    edges = [len(present) - round(len(present) * (fold + 1) / split.folds) for fold in range(split.folds)]
    for fold, start in enumerate(edges):
        stop = len(present) if fold == 0 else edges[fold - 1]
        block[order[start:stop]] = fold
    of_row = block[numbers]
    return [Fold(np.flatnonzero(of_row != fold), np.flatnonzero(of_row == fold)) for fold in range(split.use)]


def _predefined(samples: Samples, split: Split) -> list[Fold]:
    fold_of_row = np.asarray(samples.group(str(split.predefined)))
    found = [
        Fold(np.flatnonzero(fold_of_row != fold), np.flatnonzero(fold_of_row == fold)) for fold in range(split.use)
    ]
    for fold, (train, valid) in enumerate(found):
        if not (len(train) and len(valid)):
            missing = "validate" if len(train) else "train"
            if not len(samples):
                raise UsageError(
                    "The data has no training samples.",
                    "Give the whole of it, or predict with saved members: --stage predict --checkpoints RUN.",
                )
            raise UsageError(
                f"The samples' group '{split.predefined}' leaves none to {missing} on in fold {fold}.",
                "Set fewer: -o split.use=1, or split otherwise: -o split.predefined=null.",
            )
    return found
