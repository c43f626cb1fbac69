"""The folds of a run, checked, and what there is to say of them."""

from __future__ import annotations

from dataclasses import dataclass

from ctk.contract import Split
from ctk.samples import Array, Samples
from ctk.workflow.split import Fold, draw_folds
from ctk.workflow.split.leaks import (
    check_complete,
    check_groups,
    check_time,
    groups_on_both_sides,
    validating_fold,
    whole_groups,
)


@dataclass(frozen=True)
class Division:
    """Folds in which nothing leaks; ``fold_of_row`` is (N,) int32, the fold that validates each row, -1 for none."""

    folds: list[Fold]
    fold_of_row: Array


def divide(samples: Samples, split: Split) -> Division:
    """Draw the folds and check them. Raises UsageError as ``draw_folds`` does, CtkError naming the group that leaks."""
    made = draw_folds(samples, split)
    fold_of_row = validating_fold(samples, made)
    check_groups(samples, split, made)
    if split.drawn_by == "time":
        check_time(samples, split, made)
    check_complete(samples, split, fold_of_row)
    return Division(made, fold_of_row)


def describe_division(samples: Samples, split: Split, division: Division) -> list[str]:
    """Say what was checked, what the split does not promise, and which rows no fold validates."""
    whole = whole_groups(samples, split)
    said = [f"Checked: no '{name}' is on both sides of a fold." for name in whole]
    if split.drawn_by == "time":
        gap = f" or within {split.gap} of it" if split.gap else ""
        later = ", and nothing later" if split.chain else ""
        said.append(f"Checked: nothing is trained on from the time that is validated{gap}{later}.")
    apart = []
    for name in samples.groups:
        if name in (*whole, split.predefined, split.stratify):
            continue
        fold, count, both = groups_on_both_sides(samples.group(name), division.folds)
        if fold >= 0:
            apart.append(f"group '{name}', of whose {count:,} numbers {len(both):,} are on both sides of fold {fold}")
    if apart:  # on one line: of groups that only describe rows there may be many
        said.append(f"Not kept on one side: {'; '.join(apart)}.")
    return [*said, *_describe_rows(split, division.fold_of_row)]


def _describe_rows(split: Split, fold_of_row: Array) -> list[str]:
    """Say how many rows are validated, and why the others are not."""
    never = int((fold_of_row < 0).sum())
    if not never:
        return [f"Checked: each of {len(fold_of_row):,} rows is validated exactly once."]
    validated = f"Checked: {len(fold_of_row) - never:,} of {len(fold_of_row):,} rows are validated exactly once."
    if split.drawn_by == "predefined":
        why = f"group '{split.predefined}' has them in no fold that is used"
    elif split.use < split.folds:
        why = f"{split.use} of {split.folds} folds are used"
    else:
        why = "they are the first block of time, with nothing earlier to train on"
    return [validated, f"{never:,} rows have no out-of-fold prediction: {why}."]
