"""Scoring a submission file against a truth file as the organisers do, holding neither."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ctk.samples import Array, Samples
from ctk_leap_climsim.columns import TARGETS
from ctk_leap_climsim.metric import summary
from ctk_leap_climsim.postprocess import decided
from ctk_leap_climsim.r2 import R2, Truth
from ctk_leap_climsim.submission import by_id, check_truth_ids, open_submission, open_truth
from ctk_leap_climsim.tables.table import Block, Table


def score_file(path: Path, truth: Path) -> dict[str, float]:
    """The numbers of ``metric.summary``; "r2" is scikit-learn's r2_score of both files' values, as they are.

    The truth is read twice: a mean must be known before what is apart from it is. Row weights, which the organisers'
    metric would take and the competition did not use, are not read. Raises SubmissionError, DataError.

    memory  some blocks of rows; a submission in another order than the truth is put in order on disk first
    """
    ones = np.ones(len(TARGETS))
    known, parts = Truth(ones), [np.empty(0, np.int64)]
    for block in open_truth(truth).blocks():
        known.update(block.values)
        parts.append(block.ids)
    ids = np.concatenate(parts)
    check_truth_ids(truth, ids)
    r2 = _side_by_side(open_submission(path), open_truth(truth), R2(known))
    if r2 is None:
        r2 = _in_order(by_id(open_submission(path), ids, ones), open_truth(truth), R2(known))
    return summary(r2, known.varies, decided(Samples(ids, {})))


def _side_by_side(submission: Table, truth: Table, score: R2) -> Array | None:
    """R2 by column (C,) of tables with the same ids in the same order; None where the order differs."""
    ours, theirs = _filled(submission.blocks()), _filled(truth.blocks())
    mine, right = next(ours, None), next(theirs, None)
    while mine is not None and right is not None:
        count = min(len(mine.ids), len(right.ids))
        if (mine.ids[:count] != right.ids[:count]).any():
            return None
        score.update(right.values[:count], mine.values[:count])
        mine = _after(mine, count) if count < len(mine.ids) else next(ours, None)
        right = _after(right, count) if count < len(right.ids) else next(theirs, None)
    return score.result() if mine is right is None else None


def _in_order(prediction: Array, truth: Table, score: R2) -> Array:
    """R2 by column (C,) of predictions (N, C) in the truth's order."""
    start = 0
    for block in truth.blocks():
        score.update(block.values, prediction[start : start + len(block.ids)])
        start += len(block.ids)
    return score.result()


def _filled(blocks: Iterator[Block]) -> Iterator[Block]:
    return (block for block in blocks if len(block.ids))


def _after(block: Block, count: int) -> Block:
    return block._replace(ids=block.ids[count:], values=block.values[count:], rows=block.rows[count:])
