"""XGBoost as a model (Chen and Guestrin 2016, "XGBoost: a scalable tree boosting system")."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
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
    import xgboost

BY_KEYS = {
    **dict.fromkeys(("eta", "learning_rate"), "use the key learning_rate"),
    "max_depth": "use the key depth",
    "objective": "use the key objective",
    "eval_metric": "use the key eval_metric",
    "multi_strategy": "use the key targets",
    **dict.fromkeys(("seed", "random_state"), "use the key seeds"),
    **dict.fromkeys(("nthread", "n_jobs"), "use the key executor.threads of the run"),
    "device": "use the key device of the run",
    "num_class": "it is the width of the target",
    **dict.fromkeys(("verbosity", "validate_parameters", "disable_default_eval_metric"), "the toolkit decides it"),
}
"""Parameters that are set otherwise, and how."""
ELSEWHERE = (
    *("rate_drop", "skip_drop", "one_drop", "sample_type", "normalize_type"),
    *("quantile_alpha", "huber_slope", "tweedie_variance_power", "max_delta_step", "scale_pos_weight"),
    *("aft_loss_distribution", "aft_loss_distribution_scale", "lambdarank_num_pair_per_sample"),
    *("feature_selector", "top_k", "booster", "base_score", "updater", "process_type", "refresh_leaf"),
)
"""Parameters of other boosters and objectives, which a configured booster of trees does not list."""


class XGBoostTraining(TreesTraining):
    """Training keys of XGBoost's trees."""

    depth: int = Field(6, ge=0, description="of a tree at most; 0: no limit")
    targets: Literal["each", "all"] = Field(
        "each", description="each: a booster for each column of the target; all: one whose leaves hold all columns"
    )

    @classmethod
    def reserved_params(cls) -> Mapping[str, str]:
        """Name what the toolkit sets."""
        return BY_KEYS

    @classmethod
    def known_params(cls) -> Collection[str]:
        """Name what XGBoost knows, which it tells of a booster of two rows."""
        return _known_params()


class XGBoost(BoostedTrees):
    """XGBoost's trees by histograms, with early stopping on the validation rows.

    reads    shell patterns of the features that are read; none are all
    without  shell patterns of those that are not
    """

    schema = XGBoostTraining
    training: XGBoostTraining
    library = "XGBoost"
    suffix = ".ubj"
    objectives = {"numbers": "reg:squarederror", "binary": "binary:logistic", "classes": "multi:softprob"}  # noqa: RUF012
    class_objectives = ("multi:softprob",)
    metrics = {  # noqa: RUF012
        **{"mae": "mae", "mse": "rmse", "rmse": "rmse", "r2": "rmse"},
        **{"logloss": "logloss", "accuracy": "error", "auc": "auc"},
    }
    class_metrics = {"logloss": "mlogloss", "accuracy": "merror", "auc": "auc"}  # noqa: RUF012
    same_scores = ("mae", "rmse", "logloss")

    @property
    def targets_together(self) -> bool:
        """As the key targets says."""
        return self.training.targets == "all"

    def settings(self, context: FitContext) -> dict[str, Any]:
        """The keys, and the library's version."""
        import xgboost

        return {**super().settings(context), "xgboost": xgboost.__version__}

    def open_data(self, matrix: Array, label: Array, task: BoostingTask, reference: Any = None) -> Any:
        """A QuantileDMatrix, whose bins serve every target."""
        import xgboost

        params = self.training.params
        with _sentences():
            return xgboost.QuantileDMatrix(
                matrix,
                label=label,
                ref=reference,
                feature_types=self._types(),
                enable_categorical=True,
                nthread=task.threads,
                max_bin=None if reference is not None else params.get("max_bin"),
            )

    def relabel(self, data: Any, label: Array) -> None:
        """Set the label; bins depend on features alone."""
        data.set_label(label)

    def train(self, data: Any, valid: Any | None, task: BoostingTask) -> FittedBooster:
        """Fit a booster, and keep its rounds up to the best."""
        import xgboost

        with _sentences() as refuse_unused:
            callbacks: list[Any] = [_tell_rounds(task, refuse_unused)]
            if valid is not None:
                callbacks.append(xgboost.callback.EarlyStopping(rounds=task.patience, metric_name=task.eval_metric))
            if task.is_time_up is not None:
                callbacks.append(_end_in_time(task.is_time_up))  # last: what another says of the round comes first
            booster = xgboost.train(
                self._params(task),
                data,
                task.rounds,
                evals=[] if valid is None else [(valid, "valid")],
                callbacks=callbacks,
                verbose_eval=False,
            )
        if valid is None:
            return FittedBooster(booster, booster.num_boosted_rounds(), None)
        best = booster.best_iteration + 1
        return FittedBooster(booster[:best], best, float(booster.best_score))

    def write_booster(self, fitted: FittedBooster, path: Path) -> None:
        """Write UBJSON."""
        path.write_bytes(fitted.booster.save_raw("ubj"))

    def read_booster(self, path: Path, gpu: bool) -> xgboost.Booster:
        """Read UBJSON into a booster that predicts with this process's threads."""
        import torch
        import xgboost

        booster = xgboost.Booster({"nthread": torch.get_num_threads(), "device": "cuda" if gpu else "cpu"})
        booster.load_model(bytearray(path.read_bytes()))
        return booster

    def predict_boosters(self, boosters: Sequence[Any], matrix: Array) -> list[Array]:
        """Predict with each; probabilities where the objective is logistic."""
        import torch
        import xgboost

        with _sentences():
            data = xgboost.DMatrix(
                matrix, feature_types=self._types(), enable_categorical=True, nthread=torch.get_num_threads()
            )
            return [booster.predict(data) for booster in boosters]

    def gains(self, booster: Any) -> Array:
        """Total gain; all zero of a booster that tells none, such as a linear one."""
        gains = np.zeros(len(self.table.names))
        for name, gain in booster.get_score(importance_type="total_gain").items():
            gains[int(name[1:])] = np.sum(gain)
        return gains

    def _types(self) -> list[str]:
        return ["c" if name in self.table.categories else "q" for name in self.table.names]

    def _params(self, task: BoostingTask) -> dict[str, Any]:
        params: dict[str, Any] = {
            "objective": task.objective,
            "learning_rate": self.training.learning_rate,
            "max_depth": self.training.depth,
            "seed": task.seed,
            "nthread": task.threads,
            "device": "cuda" if task.gpu else "cpu",
        }
        if task.eval_metric:
            params["eval_metric"] = task.eval_metric
        if task.classes:
            params["num_class"] = task.classes
        if self.targets_together and not task.classes:
            params["multi_strategy"] = "multi_output_tree"
        return {**params, **self.training.params}


def _tell_rounds(task: BoostingTask, refuse_unused: Callable[[], None]) -> Any:
    import xgboost

    class RoundTeller(xgboost.callback.TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            if epoch == 0:
                refuse_unused()
            scores = next(reversed(evals_log["valid"].values())) if evals_log else [None]
            task.progress(epoch + 1, scores[-1])
            return False

    return RoundTeller()


def _end_in_time(is_time_up: Callable[[], bool]) -> Any:
    import xgboost

    class TimeKeeper(xgboost.callback.TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            return is_time_up()

    return TimeKeeper()


@contextmanager
def _sentences() -> Iterator[Callable[[], None]]:
    """Raise CtkError with the library's own reason, without its stack.

    What is yielded raises it where the library has warned of parameters that it does not use: that is no exception of
    its own, and none can leave the callback by which it warns.
    """
    import xgboost

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")

        def refuse_unused() -> None:
            for each in warned:
                if "are not used" in str(each.message):
                    raise _error(str(each.message)) from None

        try:
            yield refuse_unused
        except xgboost.core.XGBoostError as error:
            raise _error(str(error)) from error
    for each in warned:
        warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)


def _error(told: str) -> CtkError:
    """Take the reason out of what the library tells: a time, a place in its sources, a check, the reason, a stack."""
    reason = re.sub(r"^\[[\d:]+\]\s*(WARNING: )?\S+:\d+:\s*", "", told.partition("Stack trace")[0]).strip()
    reason = re.sub(r"^Check failed: .*?\s:\s", "", reason).partition("\n")[0]
    return CtkError(f"XGBoost: {reason.strip().rstrip('.') or told.splitlines()[0]}.", "See the member's keys.")


@cache
def _known_params() -> frozenset[str]:
    import json

    import xgboost

    data = xgboost.QuantileDMatrix(np.zeros((2, 1), np.float32), label=np.zeros(2))
    config = json.loads(xgboost.train({"tree_method": "hist"}, data, 0).save_config())
    found = set(ELSEWHERE)

    def walk(value: Any, inside: str) -> None:
        if isinstance(value, Mapping):
            for key, each in value.items():
                if inside.endswith("_param") and isinstance(each, str):
                    found.add(key)
                walk(each, key)
        elif isinstance(value, list):
            for each in value:
                walk(each, inside)

    walk(config, "")
    return frozenset(found)
