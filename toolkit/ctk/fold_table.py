"""What members and their blend are worth on each fold."""

from __future__ import annotations

import csv
import io
import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ctk.config import Split
from ctk.contract import Metric
from ctk.errors import CtkError
from ctk.files import write_text
from ctk.gather import Gathered
from ctk.runs import Run
from ctk.samples import Array, Samples
from ctk.split.division import Division, sentences


@dataclass(frozen=True)
class FoldTable:
    """Scores of the deciding metric by fold.

    trained, validated  rows of each fold; what filters drop is not counted as trained on
    spans               the first and the last time that each fold validates on, where folds are blocks of time
    scores              by member key and "blend", a score a fold
    pooled              by member key and "blend", the score of the predictions of all folds together
    checked             sentences: what was checked, what the split does not promise, which rows no fold validates
    """

    metric: str
    trained: tuple[int, ...]
    validated: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    scores: Mapping[str, tuple[float, ...]]
    pooled: Mapping[str, float]
    checked: tuple[str, ...]

    def mean(self, key: str) -> float:
        """The mean over folds."""
        return statistics.fmean(self.scores[key])

    def deviation(self, key: str) -> float:
        """The sample standard deviation over folds."""
        return float(np.std(self.scores[key], ddof=1))

    def plain(self) -> dict[str, Any]:
        """All of it as JSON takes it."""
        return {
            "metric": self.metric,
            "rows_trained": list(self.trained),
            "rows_validated": list(self.validated),
            "times": [list(span) for span in self.spans],
            "members": {
                key: {
                    "folds": list(each),
                    "mean": self.mean(key),
                    "std": self.deviation(key),
                    "pooled": self.pooled[key],
                }
                for key, each in self.scores.items()
            },
            "checked": list(self.checked),
        }

    def write_csv(self, path: Path) -> None:
        """A row a fold, then mean, standard deviation and the pooled score, a column a member."""
        text = io.StringIO()
        write = csv.writer(text, lineterminator="\n").writerow
        times = ["first_time", "last_time"] if self.spans else []
        write(["fold", "rows_trained", "rows_validated", *times, *self.scores])
        for fold, rows in enumerate(zip(self.trained, self.validated, strict=True)):
            span = self.spans[fold] if self.spans else ()
            write([fold, *rows, *span, *(repr(each[fold]) for each in self.scores.values())])
        empty = [""] * (2 + len(times))
        write(["mean", *empty, *(repr(self.mean(key)) for key in self.scores)])
        write(["std", *empty, *(repr(self.deviation(key)) for key in self.scores)])
        write(["pooled", *empty, *(repr(self.pooled[key]) for key in self.scores)])
        write_text(path, text.getvalue())


@dataclass(frozen=True)
class Divided:
    """A run's checked folds over its training samples; ``kept`` is (N,) bool, what its filters left."""

    train: Samples
    split: Split
    division: Division
    kept: Array

    def table(
        self, metric: Metric, gathered: Gathered, blended: Array | None, scores: Mapping[str, Mapping[str, float]]
    ) -> FoldTable:
        """Score each fold's rows of the members' predictions and of the blend's; ``scores`` are those of all rows."""
        folds = self.division.folds
        everyone = {**gathered.oof, **({} if blended is None else {"blend": blended})}
        times = np.asarray(self.train.group(str(self.split.by))) if self.split.drawn_by == "time" else None
        spans = () if times is None else tuple((int(times[f.valid].min()), int(times[f.valid].max())) for f in folds)
        return FoldTable(
            metric=metric.name,
            trained=tuple(int(self.kept[fold.train].sum()) for fold in folds),
            validated=tuple(len(fold.valid) for fold in folds),
            spans=spans,
            scores={key: self._by_fold(metric, each, gathered) for key, each in everyone.items()},
            pooled={key: float(scores[key][metric.name]) for key in everyone},
            checked=tuple(sentences(self.train, self.split, self.division)),
        )

    def _by_fold(self, metric: Metric, predictions: Array, gathered: Gathered) -> tuple[float, ...]:
        fold_of_row = self.division.fold_of_row[gathered.rows]
        scores = []
        for fold in range(len(self.division.folds)):
            rows = np.flatnonzero(fold_of_row == fold)
            valid = gathered.valid.take(rows)
            valid = valid.with_own_gallery() if valid.gallery is not None else valid
            scores.append(metric.score(predictions[rows], valid) if len(rows) else math.nan)
        return tuple(scores)

    def check_stored(self, run: Run) -> None:
        """Raise CtkError where a part's stored predictions are not of the rows that its fold validates."""
        for part in run.parts():
            valid = self.division.folds[part.fold].valid
            if not np.array_equal(run.predictions(part, "oof").ids, self.train.ids[valid]):
                raise CtkError(
                    f"{part.key}, fold {part.fold}: its predictions are not of the rows that the fold validates.",
                    f"The folds were drawn otherwise before: remove {run.part_folder(part)} and resume the run.",
                )
