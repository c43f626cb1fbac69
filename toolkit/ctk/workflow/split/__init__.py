"""Dividing training samples into folds, one scheme a file, and checking that nothing leaks between their sides."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ctk.contract import Split
from ctk.errors import UsageError, nearest
from ctk.samples import Samples
from ctk.workflow.split.blocks import block_folds
from ctk.workflow.split.fold import Fold
from ctk.workflow.split.predefined import predefined_folds
from ctk.workflow.split.stratified import stratified_folds
from ctk.workflow.split.time import time_folds

__all__ = ["Fold", "folds"]

DRAW: Mapping[str, Callable[[Samples, Split], list[Fold]]] = {
    "kfold": block_folds,
    "stratified": stratified_folds,
    "group": block_folds,
    "stratified-group": stratified_folds,
    "time": time_folds,
    "predefined": predefined_folds,
}


def draw_folds(samples: Samples, split: Split) -> list[Fold]:
    """Draw the folds that are validated on, the same at every call.

    Raises UsageError where the samples do not have what the scheme needs, or a fold would have an empty side.
    """
    scheme = split.drawn_by
    if scheme not in ("kfold", "stratified", "predefined") and split.by is None:
        help = f"Name it with -o split.by=NAME. {nearest('', samples.groups, 'groups')}"
        raise UsageError(f"Folds by {scheme} need a group of the samples.", help)
    made = DRAW[scheme](samples, split)
    for number, (train, valid) in enumerate(made):
        if not (len(train) and len(valid)):
            missing = "validate" if len(train) else "train"
            gap = f" {split.gap} units of time are left out beside what is validated." if split.gap else ""
            raise UsageError(
                f"The split leaves nothing to {missing} on in fold {number}.{gap}",
                "Make the gap smaller: -o split.gap."
                if split.gap
                else "Set fewer folds: -o split.folds=2 (ctk cv: --folds 2).",
            )
    return made
