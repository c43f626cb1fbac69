"""The results of a finished run: everything that the table, the report and the leaderboard show."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ctk.contract.blender import Blend
from ctk.contract.metric import Metric
from ctk.files import write_text
from ctk.notebook import Tabular
from ctk.samples import Array, Samples

if TYPE_CHECKING:
    from pandas import DataFrame


BLEND = "blend"
"""The blend's key among the members'."""


@dataclass(frozen=True, repr=False)
class FoldTable(Tabular):
    """A table of scores of the deciding metric by fold.

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

    def heading(self) -> str:
        """Say what is in the table."""
        return f"{self.metric} by fold of {len(self.scores)} members and blends"

    def table(self) -> DataFrame:
        """Make a table of a row a member and a column a fold, then mean, standard deviation and the pooled score."""
        import pandas as pd

        table = pd.DataFrame.from_dict(dict(self.scores), orient="index", dtype=float)
        summaries = {"mean": table.mean(axis=1), "std": table.std(axis=1)}
        return table.assign(**summaries, pooled=[self.pooled[key] for key in self.scores])

    def mean(self, key: str) -> float:
        """Take a member's mean over folds."""
        return statistics.fmean(self.scores[key])

    def deviation(self, key: str) -> float:
        """Take a member's sample standard deviation over folds."""
        return float(np.std(self.scores[key], ddof=1))

    def plain(self) -> dict[str, Any]:
        """Return all of it as JSON takes it."""
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
        """Write a row a fold, then mean, standard deviation and the pooled score, a column a member."""
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
class FurtherBlend:
    """One of a run's further blends.

    blend                 its weights
    scores, truth_scores  its numbers on what was validated, and on the test where the truth is public
    submission            its file
    """

    blend: Blend
    scores: Mapping[str, float]
    truth_scores: Mapping[str, float]
    submission: Path


@dataclass(frozen=True, repr=False)
class Results(Tabular):
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
    importances  by member key, what columns of its features are worth to it, the mean over folds; of those that tell
    baselines    member keys that are shown but not blended
    test         the test samples; submitted: (T, ...) what was submitted for them; submission: the file
    truth        the test samples with targets, where public; truth_scores: the submission's numbers against them
    test_scores  by member key, the numbers of its own test predictions, where the truth is public
    raw_scores, raw_test_scores
                 by member key and "blend", the same of predictions that nothing has mended, on ``valid`` and on the
                 test; empty where the competition has no options of mending them
    files        folder of pictures by gallery name, if any
    folds        the scores by fold, where several were validated on
    blends       the further blends of the config, by name
    transformed  by member and stage, some training rows as they were and as transforms made them
    bundle       facts of the bundle that was handed in, a sentence each; None where it is a table
    limited      what the run's time limit left out or cut short, in sentences
    second_rounds  by member with pseudo-labels, what it learned from besides, in words
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
    test_scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    raw_scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    raw_test_scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    files: Path | None = None
    folds: FoldTable | None = None
    importances: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    blends: Mapping[str, FurtherBlend] = field(default_factory=dict)
    transformed: Mapping[str, tuple[Samples, Samples]] = field(default_factory=dict)
    second_rounds: Mapping[str, str] = field(default_factory=dict)
    bundle: Sequence[str] | None = None
    limited: Sequence[str] = ()

    @property
    def members(self) -> list[str]:
        """Keys of the members, those last that were blended without a score, such as other people's files."""
        return list(dict.fromkeys(key for key in (*self.oof, *self.scores, *self.blend.weights) if key != BLEND))

    def on_test(self, key: str) -> float | None:
        """A member's deciding number on the test, or the blend's; None where the truth is not public."""
        scores = self.truth_scores if key == BLEND else self.test_scores.get(key, {})
        return scores.get(self.metric.name)

    def raw_columns(self) -> dict[str, Mapping[str, float | None]]:
        """Make columns of the deciding number of what nothing has mended, by member key and "blend"; where known."""
        named = {f"raw {self.metric.name}": self.raw_scores, f"raw test {self.metric.name}": self.raw_test_scores}
        return {
            name: {key: scores.get(self.metric.name) for key, scores in each.items()}
            for name, each in named.items()
            if each
        }

    def heading(self) -> str:
        """Say which run it is, and where its submission lies."""
        held = f"{len(self.submitted):,} rows" if self.bundle is None else "a bundle of models"
        return f"{self.title} · {self.folder.name} · {held} in {self.submission}"

    def table(self) -> DataFrame:
        """Make a table of a row a member, then the blend, the test and further blends: numbers, weight and seconds."""
        import pandas as pd

        of_test = {"the same, on the test": self.truth_scores} if self.truth_scores else {}
        further = {f"blend {name}": each.scores for name, each in self.blends.items()}
        members = {key: self.scores.get(key, {}) for key in self.members}
        blend = {BLEND: self.scores[BLEND]} if BLEND in self.scores else {}
        every = {**members, **blend, **of_test, **further}
        scores = {key: [each.get(name) for name in self.headline] for key, each in every.items()}
        raw = self.raw_columns()
        rows = {
            key: [
                *[*each, self.on_test(key), *(of_key.get(key) for of_key in raw.values())],
                *[self.blend.weights.get(key), self.seconds.get(key)],
            ]
            for key, each in scores.items()
        }
        columns = [*self.headline, f"test {self.metric.name}", *raw, "weight", "seconds"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns, dtype=float)
