"""What a finished run knows: everything that the table, the report and the leaderboard show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctk.contract import Blend, Metric
from ctk.samples import Array, Samples

if TYPE_CHECKING:
    from ctk.fold_table import FoldTable


@dataclass(frozen=True)
class Results:
    """Predictions and scores of one run, rows aligned.

    title        the competition's
    folder       the run's
    config       resolved, as plain values
    environment  versions and hardware
    about        one line on the data
    metric       the deciding one
    headline     the numbers that tables show, the deciding one first
    valid        the samples that were validated on; with a gallery, only the entries they point at
    oof          by member key ("mlp/seed-1"), (N, ...) out-of-fold predictions of ``valid``, baselines too
    blended      (N, ...) the blend of them, postprocessed; None if a blended member has no such predictions
    blend        its weights, score and trace
    scores       by member key and "blend": every number the competition evaluates, on ``valid``
    curves       by member key, rows of {"epoch", "loss", <metric name>, ...}; of the first fold
    seconds      by member key, the time its fits took
    baselines    member keys that are shown but not blended
    test         the test samples; submitted: (T, ...) what was submitted for them; submission: the file
    truth        the test samples with targets, where public; truth_scores: the submission's numbers against them
    files        folder of pictures by gallery name, if any
    folds        the scores by fold, where several were validated on
    """

    title: str
    folder: Path
    config: Mapping[str, Any]
    environment: Mapping[str, Any]
    about: str
    metric: Metric
    headline: Sequence[str]
    valid: Samples
    oof: Mapping[str, Array]
    blended: Array | None
    blend: Blend
    scores: Mapping[str, Mapping[str, float]]
    curves: Mapping[str, list[dict[str, float]]]
    seconds: Mapping[str, float]
    baselines: frozenset[str]
    test: Samples
    submitted: Array
    submission: Path
    truth: Samples | None = None
    truth_scores: Mapping[str, float] = field(default_factory=dict)
    files: Path | None = None
    folds: FoldTable | None = None
