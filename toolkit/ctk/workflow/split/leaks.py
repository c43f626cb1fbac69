"""The leak check: it looks row by row at what the folds that are used promise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ctk.contract import Split
from ctk.errors import CtkError
from ctk.samples import Array, Samples
from ctk.workflow.split.fold import Fold


def whole_groups(samples: Samples, split: Split) -> list[str]:
    """List the groups that a split keeps on one side: the one it names; of predefined folds that name none, all."""
    if split.by is not None:
        return [split.by]
    return [name for name in samples.groups if name != split.predefined] if split.predefined is not None else []


def groups_on_both_sides(groups: Array, folds: Sequence[Fold]) -> tuple[int, int, Array]:
    """Find the first fold with a group on both sides: (fold, how many groups there are, numbers of those groups).

    The fold is -1, and the numbers are none, where there is no such fold.
    """
    present, of_row = np.unique(np.asarray(groups), return_inverse=True)
    for number, (train, valid) in enumerate(folds):
        trained, validated = np.zeros((2, len(present)), dtype=bool)
        trained[of_row[train]] = True
        validated[of_row[valid]] = True
        if (both := trained & validated).any():
            return number, len(present), present[both]
    return -1, len(present), present[:0]


def validating_fold(samples: Samples, folds: Sequence[Fold]) -> Array:
    """Number the fold that validates each row, (N,) int32, -1 for none.

    Raises CtkError where a row is validated twice, or trained on in the fold that validates it.
    """
    fold_of_row = np.full(len(samples), -1, dtype=np.int32)
    for number, (train, valid) in enumerate(folds):
        if (twice := fold_of_row[valid] >= 0).any():
            row = valid[twice.argmax()]
            raise CtkError(f"Sample {samples.ids[row]} is validated in folds {fold_of_row[row]} and {number}.")
        fold_of_row[valid] = number
        if (both := fold_of_row[train] == number).any():
            raise CtkError(f"Sample {samples.ids[train[both.argmax()]]} is on both sides of fold {number}.")
    return fold_of_row


def check_groups(samples: Samples, split: Split, folds: Sequence[Fold]) -> None:
    """Raise CtkError naming the group where one that is to be whole is on both sides of a fold."""
    for name in whole_groups(samples, split):
        fold, count, both = groups_on_both_sides(samples.group(name), folds)
        if fold >= 0:
            problem = f"Group '{name}' leaks: {len(both):,} of its {count:,} numbers, such as {both[0]}, are"
            own = f"Mend the data's group '{split.predefined}', or name the group to be kept whole: -o split.by=NAME."
            raise CtkError(f"{problem} on both sides of fold {fold}.", own if split.predefined is not None else "")


def check_time(samples: Samples, split: Split, folds: Sequence[Fold]) -> None:
    """Raise CtkError where something is trained on of the time that is validated, of the gap or, chaining, of later."""
    times = np.asarray(samples.group(str(split.by)))
    for number, (train, valid) in enumerate(folds):
        first, last = int(times[valid].min()), int(times[valid].max())
        leaks = (times[train] >= first - split.gap) & (split.chain | (times[train] <= last + split.gap))
        if leaks.any():
            trained = times[train[leaks.argmax()]]
            raise CtkError(f"Fold {number} validates on '{split.by}' {first} to {last} and trains on {trained}.")


def check_complete(samples: Samples, split: Split, fold_of_row: Array) -> None:
    """Raise CtkError where every fold is used and a row that one should validate is not."""
    scheme, never = split.drawn_by, fold_of_row < 0
    if split.use < split.folds or scheme == "predefined" or not never.any():
        return
    if scheme == "time" and split.chain:
        times = np.asarray(samples.group(str(split.by)))
        never &= times >= times[fold_of_row >= 0].min()
        if not never.any():
            return
    raise CtkError(f"{never.sum():,} samples are validated in no fold, such as {samples.ids[never.argmax()]}.")
