"""LightGBM as a model (Ke et al. 2017, "LightGBM: a highly efficient gradient boosting decision tree")."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, field_validator

from ctk.contract import FitContext
from ctk.errors import CtkError
from ctk.samples import Array
from ctk.training import BoostedTrees, BoostingTask, FittedBooster, TreesTraining

if TYPE_CHECKING:
    import lightgbm

BY_KEYS = {
    "learning_rate": "use the key learning_rate",
    "num_iterations": "use the key rounds",
    "early_stopping_round": "use the key patience",
    "num_leaves": "use the key leaves",
    "max_depth": "use the key depth",
    "objective": "use the key objective",
    "metric": "use the key eval_metric",
    "seed": "use the key seeds",
    "num_threads": "use the key executor.threads of the run",
    "device_type": "use the key device of the run",
    "num_class": "it is the width of the target",
    "categorical_feature": "features of text are",
    **dict.fromkeys(("data", "valid", "config", "task", "input_model", "output_model"), "the toolkit hands it over"),
    **dict.fromkeys(("verbosity", "first_metric_only", "ignore_column", "label_column"), "the toolkit decides it"),
}
"""Parameters that are set otherwise, and how; their aliases too."""


class LightGBMTraining(TreesTraining):
    """Training keys of LightGBM's trees."""

    leaves: int = Field(31, ge=2, description="of a tree at most")
    depth: int = Field(0, ge=0, description="of a tree at most; 0: no limit but leaves")
    targets: Literal["each", "all"] = Field("each", description="a booster for each column of the target")

    @field_validator("targets")
    @classmethod
    def _one_at_a_time(cls, targets: str) -> str:
        if targets == "all":
            raise ValueError("the library learns one target at a time; the model xgboost learns all together")
        return targets

    @classmethod
    def reserved_params(cls) -> Mapping[str, str]:
        """Name what the toolkit sets, by every alias."""
        aliases = _aliases()
        return {alias: how for name, how in BY_KEYS.items() for alias in aliases.get(name, [name])}

    @classmethod
    def known_params(cls) -> Collection[str]:
        """Name what LightGBM knows, aliases too."""
        return {alias for each in _aliases().values() for alias in each}


class LightGBM(BoostedTrees):
    """LightGBM's trees, with early stopping on the validation rows.

    reads    shell patterns of the features that are read; none are all
    without  shell patterns of those that are not
    """

    schema = LightGBMTraining
    training: LightGBMTraining
    library = "LightGBM"
    suffix = ".txt"
    objectives = {"numbers": "regression", "binary": "binary", "classes": "multiclass"}  # noqa: RUF012
    class_objectives = ("multiclass", "softmax", "multiclassova", "multiclass_ova", "ova", "ovr")
    metrics = {  # noqa: RUF012
        **{"mae": "l1", "mse": "l2", "rmse": "rmse", "r2": "l2"},
        **{"logloss": "binary_logloss", "accuracy": "binary_error", "auc": "auc"},
    }
    class_metrics = {"logloss": "multi_logloss", "accuracy": "multi_error", "auc": "auc_mu"}  # noqa: RUF012
    same_scores = ("mae", "mse", "rmse", "logloss")

    def settings(self, context: FitContext) -> dict[str, Any]:
        """The keys, and the library's version."""
        import lightgbm

        return {**super().settings(context), "lightgbm": lightgbm.__version__}

    def open_data(self, matrix: Array, label: Array, task: BoostingTask, reference: Any = None) -> Any:
        """A Dataset, whose bins serve every target."""
        import lightgbm

        with _sentences(), _unheard():
            return lightgbm.Dataset(
                matrix,
                label,
                reference=reference,
                categorical_feature=self.table.categorical(),
                params=self._params(task),
                free_raw_data=True,
            ).construct()

    def relabel(self, data: Any, label: Array) -> None:
        """Set the label; bins depend on features alone."""
        data.set_label(label)

    def train(self, data: Any, valid: Any | None, task: BoostingTask) -> FittedBooster:
        """Fit a booster; what is written of it ends with its best round."""
        import lightgbm

        callbacks: list[Any] = [_tell_rounds(task)]
        if valid is not None:
            assert task.patience is not None
            callbacks.append(lightgbm.early_stopping(task.patience, first_metric_only=True, verbose=False))
        if task.is_time_up is not None:
            callbacks.append(_end_in_time(task.is_time_up, self.training.params))
        with _sentences(), ExitStack() as silence:
            silence.enter_context(_unheard())
            callbacks.append(_before_rounds(silence.close))
            booster = lightgbm.train(
                self._params(task),
                data,
                task.rounds,
                valid_sets=None if valid is None else [valid],
                valid_names=None if valid is None else ["valid"],
                callbacks=callbacks,
            )
        rounds = booster.best_iteration or booster.current_iteration()  # dart has no best: it changes earlier trees
        score = next(iter(booster.best_score.get("valid", {}).values()), None)
        return FittedBooster(booster, rounds, None if score is None else float(score))

    def write_booster(self, fitted: FittedBooster, path: Path) -> None:
        """Write LightGBM's text."""
        path.write_text(fitted.booster.model_to_string(num_iteration=fitted.rounds or None), encoding="utf-8")

    def read_booster(self, path: Path, gpu: bool) -> lightgbm.Booster:
        """Read LightGBM's text."""
        import lightgbm

        text = path.read_text(encoding="utf-8")
        if "end of parameters" not in text:  # the library reads half a file without a word
            raise ValueError("the file is cut short")
        return lightgbm.Booster(model_str=text)

    def predict_boosters(self, boosters: Sequence[Any], matrix: Array) -> list[Array]:
        """Predict with each; probabilities where the objective is logistic."""
        import torch

        with _sentences():
            return [booster.predict(matrix, num_threads=torch.get_num_threads()) for booster in boosters]

    def gains(self, booster: Any) -> Array:
        """Total gain."""
        return np.asarray(booster.feature_importance("gain"))

    def _params(self, task: BoostingTask) -> dict[str, Any]:
        params: dict[str, Any] = {
            "objective": task.objective,
            "learning_rate": self.training.learning_rate,
            "num_leaves": self.training.leaves,
            "max_depth": self.training.depth or -1,
            "seed": task.seed,
            "num_threads": task.threads,
            "verbosity": -1,
            # Else it tries whether to go by rows or by columns, and takes what was faster just then: sums differ.
            "deterministic": True,
            "force_col_wise": "force_row_wise" not in self.training.params,
            "device_type": "cuda" if task.gpu else "cpu",
        }
        if task.eval_metric:
            params["metric"] = task.eval_metric
        if task.classes:
            params["num_class"] = task.classes
        return {**params, **self.training.params}

    def fits_on_gpu(self, device: str) -> bool:
        """Only where it is asked for: the library's usual build has no CUDA."""
        return device == "gpu" and super().fits_on_gpu(device)


def _tell_rounds(task: BoostingTask) -> Any:
    def tell(env: Any) -> None:
        scores = env.evaluation_result_list
        task.progress(env.iteration + 1, scores[0][2] if scores else None)

    return tell


def _end_in_time(is_time_up: Callable[[], bool], params: Mapping[str, Any]) -> Any:
    """End a fit as early stopping does, with its best round so far, which only that callback knows otherwise."""
    from lightgbm.callback import EarlyStopException

    best: list[tuple[float, int, Any]] = []
    dart = any(params.get(alias) == "dart" for alias in _aliases()["boosting"])  # which changes earlier trees

    def keep_time(env: Any) -> None:
        scores = env.evaluation_result_list
        if scores and not dart:
            merit = scores[0][2] if scores[0][3] else -scores[0][2]
            if not best or merit > best[0][0]:
                best[:] = [(merit, env.iteration, scores)]
        if is_time_up():
            _, iteration, scores = best[0] if best else (0.0, env.iteration, scores)
            raise EarlyStopException(iteration, scores)

    keep_time.order = 40  # type: ignore[attr-defined]  # after early stopping's, which is 30
    return keep_time


def _before_rounds(call: Callable[[], None]) -> Any:
    def before(env: Any) -> None:
        call()

    before.before_iteration = True  # type: ignore[attr-defined]
    return before


@contextmanager
def _unheard() -> Iterator[None]:
    """Keep off the terminal what the library prints as it refuses something: its C++ writes to the process's stderr,
    whatever the verbosity and the logger, and ``_sentences`` tells it."""
    heard = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(heard, 2)
        os.close(heard)


@contextmanager
def _sentences() -> Iterator[None]:
    """Raise CtkError with the library's own reason."""
    import lightgbm

    try:
        yield
    except (lightgbm.basic.LightGBMError, ValueError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise CtkError(f"LightGBM: {reason}.", "See the member's keys.") from error


@cache
def _aliases() -> Mapping[str, Sequence[str]]:
    """Every parameter's names, by the one that the library's documentation has."""
    import lightgbm

    aliases: Mapping[str, Sequence[str]] = lightgbm.basic._ConfigAliases._get_all_param_aliases()
    return aliases
