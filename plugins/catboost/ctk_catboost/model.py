"""CatBoost as a model (Prokhorenkova et al. 2018, "CatBoost: unbiased boosting with categorical features")."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from ctk.contract import FitContext
from ctk.errors import CtkError
from ctk.samples import Array
from ctk.training import BoostedTrees, BoostingTask, FittedBooster, TreesTraining

if TYPE_CHECKING:
    import catboost

BY_KEYS = {
    **dict.fromkeys(("learning_rate", "eta"), "use the key learning_rate"),
    **dict.fromkeys(("iterations", "num_boost_round", "n_estimators", "num_trees"), "use the key rounds"),
    **dict.fromkeys(
        ("early_stopping_rounds", "od_wait", "od_type", "od_pval", "use_best_model"), "use the key patience"
    ),
    **dict.fromkeys(("depth", "max_depth"), "use the key depth"),
    **dict.fromkeys(("loss_function", "objective"), "use the key objective"),
    **dict.fromkeys(("eval_metric", "custom_metric"), "use the key eval_metric"),
    **dict.fromkeys(("random_seed", "random_state"), "use the key seeds"),
    "thread_count": "use the key executor.threads of the run",
    **dict.fromkeys(("task_type", "devices"), "use the key device of the run"),
    **dict.fromkeys(("classes_count", "class_names"), "it is the width of the target"),
    "cat_features": "features of text are",
    **dict.fromkeys(("text_features", "embedding_features"), "make features of them by an extractor"),
    **dict.fromkeys(
        ("train_dir", "allow_writing_files", "snapshot_file", "snapshot_interval"), "the toolkit decides it"
    ),
    **dict.fromkeys(("save_snapshot", "name", "metadata", "ignored_features"), "the toolkit decides it"),
    **dict.fromkeys(("logging_level", "verbose", "verbose_eval", "silent", "metric_period"), "the toolkit decides it"),
    **dict.fromkeys(("callback", "callbacks", "input_borders", "output_borders"), "the toolkit decides it"),
}
"""Parameters that are set otherwise, and how."""
TOGETHER = {"RMSE": "MultiRMSE", "Logloss": "MultiLogloss", "CrossEntropy": "MultiCrossEntropy"}
"""Objectives of one column, and what they are called for several."""
PROBABILITIES = ("Logloss", "CrossEntropy", "MultiClass", "MultiClassOneVsAll", "MultiLogloss", "MultiCrossEntropy")
EXPONENTS = ("Poisson", "Tweedie")


class CatBoostTraining(TreesTraining):
    """Training keys of CatBoost's trees."""

    depth: int = Field(6, ge=1, le=16, description="of a tree")
    targets: Literal["each", "all"] = Field(
        "each", description="each: a booster for each column of the target; all: one whose leaves hold all columns"
    )

    @classmethod
    def reserved_params(cls) -> Mapping[str, str]:
        """Name what the toolkit sets, by every alias."""
        return BY_KEYS

    @classmethod
    def known_params(cls) -> Collection[str]:
        """Name what CatBoost knows, aliases too."""
        return _known_params()


@dataclass
class Rows:
    """An (N, F) matrix and what is to be predicted: CatBoost's own data sets cannot be given another target."""

    frame: Any
    label: Array


class CatBoost(BoostedTrees):
    """CatBoost's trees, with early stopping on the validation rows; categories by its ordered statistics.

    reads    shell patterns of the features that are read; none are all
    without  shell patterns of those that are not
    """

    schema = CatBoostTraining
    training: CatBoostTraining
    library = "CatBoost"
    suffix = ".cbm"
    objectives = {"numbers": "RMSE", "binary": "Logloss", "classes": "MultiClass"}  # noqa: RUF012
    class_objectives = ("MultiClass", "MultiClassOneVsAll")
    metrics = {  # noqa: RUF012
        **{"mae": "MAE", "mse": "RMSE", "rmse": "RMSE", "r2": "R2"},
        **{"logloss": "Logloss", "accuracy": "Accuracy", "auc": "AUC:type=Classic"},
    }
    class_metrics = {"logloss": "MultiClass", "accuracy": "Accuracy", "auc": "AUC:type=Mu"}  # noqa: RUF012
    same_scores = ("mae", "rmse", "logloss")

    @property
    def targets_together(self) -> bool:
        """As the key targets says."""
        return self.training.targets == "all"

    def settings(self, context: FitContext) -> dict[str, Any]:
        """The keys, and the library's version."""
        import catboost

        return {**super().settings(context), "catboost": catboost.__version__}

    def open_data(self, matrix: Array, label: Array, task: BoostingTask, reference: Any = None) -> Any:
        """The rows; categories are whole numbers, -1 where one is missing."""
        return Rows(self._frame(matrix), label)

    def relabel(self, data: Any, label: Array) -> None:
        """Set the label."""
        data.label = label

    def train(self, data: Any, valid: Any | None, task: BoostingTask) -> FittedBooster:
        """Fit a booster, and keep its rounds up to the best."""
        import catboost

        with _sentences():
            booster = catboost.CatBoost(self._params(task, data.label))
            teller = _RoundTeller(task, self._eval_metric(task, data.label.ndim == 2))
            booster.fit(
                self._pool(data),
                eval_set=None if valid is None else self._pool(valid),
                use_best_model=valid is not None,
                early_stopping_rounds=task.patience,
                callbacks=None if task.gpu else [teller],  # the library has none there
            )
        if teller.raised is not None:
            raise teller.raised
        if valid is None:
            return FittedBooster(booster, int(booster.tree_count_), None)
        scores = booster.get_best_score().get("validation", {})
        wanted = self._eval_metric(task, data.label.ndim == 2) or next(reversed(scores), None)
        return FittedBooster(booster, int(booster.tree_count_), None if wanted is None else scores.get(wanted))

    def write_booster(self, fitted: FittedBooster, path: Path) -> None:
        """Write CatBoost's own binary format."""
        fitted.booster.save_model(str(path), format="cbm")

    def read_booster(self, path: Path, gpu: bool) -> catboost.CatBoost:
        """Read what CatBoost wrote."""
        import catboost

        booster = catboost.CatBoost()
        booster.load_model(str(path), format="cbm")
        return booster

    def predict_boosters(self, boosters: Sequence[Any], matrix: Array) -> list[Array]:
        """Predict with each; probabilities where the objective is logistic."""
        import torch

        frame, found = self._frame(matrix), []
        for booster in boosters:
            objective = _objective_of(booster)
            kind = "RawFormulaVal"
            if objective in PROBABILITIES:
                kind = "Probability"
            elif objective in EXPONENTS:
                kind = "Exponent"
            with _sentences():
                pool = self._pool(Rows(frame, np.zeros(0)))
                made = np.asarray(booster.predict(pool, prediction_type=kind, thread_count=torch.get_num_threads()))
            found.append(made[:, 1] if objective in ("Logloss", "CrossEntropy") else made)
        return found

    def gains(self, booster: Any) -> Array:
        """How much predictions change with each column, as CatBoost has it: gains are not kept in a booster."""
        if not booster.tree_count_:
            return np.zeros(len(self.table.names))
        return np.asarray(booster.get_feature_importance(type="PredictionValuesChange"))

    def fits_on_gpu(self, device: str) -> bool:
        """Only where it is asked for: there other trees are made, and no round is told."""
        return device == "gpu" and super().fits_on_gpu(device)

    def _frame(self, matrix: Array) -> Any:
        import pandas as pd

        categorical = set(self.table.categorical())
        columns = {
            number: np.nan_to_num(column, nan=-1).astype(np.int64) if number in categorical else column
            for number, column in enumerate(matrix.T)
        }
        return pd.DataFrame(columns, copy=False)

    def _pool(self, rows: Rows) -> catboost.Pool:
        import catboost

        label = rows.label if len(rows.label) else None
        return catboost.Pool(rows.frame, label, cat_features=self.table.categorical())

    def _eval_metric(self, task: BoostingTask, several: bool) -> str | None:
        """The metric that is looked at; none is the objective's.

        CatBoost compares targets with what trees add up to, be that a logit or a logarithm, by metrics of numbers.
        """
        linked = task.objective.partition(":")[0] in (*PROBABILITIES, *EXPONENTS)
        of_numbers = task.eval_metric in ("RMSE", "MAE", "R2")
        if self.training.eval_metric is None and (several or (linked and of_numbers)):
            return None
        return task.eval_metric

    def _params(self, task: BoostingTask, label: Array) -> dict[str, Any]:
        several = label.ndim == 2
        params: dict[str, Any] = {
            "loss_function": TOGETHER.get(task.objective, task.objective) if several else task.objective,
            "learning_rate": self.training.learning_rate,
            "iterations": task.rounds,
            "depth": self.training.depth,
            "random_seed": task.seed,
            "thread_count": task.threads,
            "task_type": "GPU" if task.gpu else "CPU",
            "allow_writing_files": False,
            "logging_level": "Silent",
        }
        if metric := self._eval_metric(task, several):
            params["eval_metric"] = metric
        if task.classes:
            params["classes_count"] = task.classes
        return {**params, **self.training.params}


class _RoundTeller:
    """Tells the rounds that are done. What is raised meanwhile ends the fit, and is raised when it has ended."""

    def __init__(self, task: BoostingTask, metric: str | None) -> None:
        self.task = task
        self.metric = metric
        self.raised: BaseException | None = None

    def after_iteration(self, info: Any) -> bool:
        scores = (info.metrics or {}).get("validation", {})
        name = self.metric or next(reversed(scores), None)
        score = scores.get(name) if name else None
        try:
            self.task.progress(info.iteration, score[-1] if score else None)
        except BaseException as error:
            self.raised = error
            return False
        return True


def _objective_of(booster: Any) -> str:
    params = json.loads(booster.get_metadata()["params"])
    return str(params["loss_function"]["type"])


@contextmanager
def _sentences() -> Iterator[None]:
    """Raise CtkError with the library's own reason."""
    import catboost

    try:
        yield
    except catboost.CatBoostError as error:
        reason = re.sub(r"^\S+:\d+: ", "", str(error).splitlines()[0]).rstrip(". ")  # without the place in its sources
        raise CtkError(f"CatBoost: {reason}.", "See the member's keys.") from error


@cache
def _known_params() -> frozenset[str]:
    import catboost

    kinds = (catboost.CatBoostClassifier, catboost.CatBoostRegressor, catboost.CatBoostRanker)
    return frozenset(name for kind in kinds for name in inspect.signature(kind.__init__).parameters) - {"self"}
