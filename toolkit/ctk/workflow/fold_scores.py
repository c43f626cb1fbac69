"""The scores of members and their blend on each fold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ctk.contract import FoldTable, Metric, Split
from ctk.errors import CtkError
from ctk.runs import Run
from ctk.samples import Array, Samples
from ctk.workflow.predictions import MemberPredictions
from ctk.workflow.split.division import Division, describe_division


@dataclass(frozen=True)
class FoldScorer:
    """A run's checked folds over its training samples; ``kept`` is (N,) bool, what its filters left."""

    train: Samples
    split: Split
    division: Division
    kept: Array

    def table(
        self,
        metric: Metric,
        members: MemberPredictions,
        blended: Array | None,
        scores: Mapping[str, Mapping[str, float]],
    ) -> FoldTable:
        """Score each fold's rows of the members' predictions and of the blend's; ``scores`` are those of all rows."""
        folds = self.division.folds
        everyone = {**members.oof, **({} if blended is None else {"blend": blended})}
        times = np.asarray(self.train.group(str(self.split.by))) if self.split.drawn_by == "time" else None
        spans = () if times is None else tuple((int(times[f.valid].min()), int(times[f.valid].max())) for f in folds)
        return FoldTable(
            metric=metric.name,
            trained=tuple(int(self.kept[fold.train].sum()) for fold in folds),
            validated=tuple(len(fold.valid) for fold in folds),
            spans=spans,
            scores={key: self._by_fold(metric, each, members) for key, each in everyone.items()},
            pooled={key: float(scores[key][metric.name]) for key in everyone},
            checked=tuple(describe_division(self.train, self.split, self.division)),
        )

    def _by_fold(self, metric: Metric, predictions: Array, members: MemberPredictions) -> tuple[float, ...]:
        fold_of_row = self.division.fold_of_row[members.rows]
        scores = []
        for fold in range(len(self.division.folds)):
            rows = np.flatnonzero(fold_of_row == fold)
            valid = members.valid.take(rows)
            valid = valid.with_own_gallery() if valid.gallery is not None else valid
            scores.append(metric.score_or_nan(predictions[rows], valid) if len(rows) else math.nan)
        return tuple(scores)

    def check_stored(self, run: Run) -> None:
        """Raise CtkError where a part's stored predictions are not of the rows that its fold validates."""
        for part in run.parts():
            known = part.fold < len(self.division.folds)
            valid = self.division.folds[part.fold].valid if known else ()
            if not known or not np.array_equal(run.predictions(part, "oof").ids, self.train.ids[valid]):
                raise CtkError(
                    f"{part.key}, fold {part.fold}: its predictions are not of the rows that the fold validates.",
                    f"The folds were drawn otherwise before: remove {run.part_folder(part)} and resume the run.",
                )
