"""Folds that came with the data."""

from __future__ import annotations

import numpy as np

from ctk.contract import Split
from ctk.errors import UsageError
from ctk.samples import Samples
from ctk.workflow.split.fold import Fold, folds_by_number


def predefined_folds(samples: Samples, split: Split) -> list[Fold]:
    """Take a group's numbers as the folds; -1 is always trained on. Raises UsageError for a fold without rows."""
    found = folds_by_number(np.asarray(samples.group(str(split.predefined))), split.use)
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
