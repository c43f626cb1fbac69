"""Gradient-boosted trees whatever the library: the table, the targets, resuming and saving; a plugin adds the rest."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, Field, field_validator

from ctk.contract import FitContext, Metric, Model, Strict
from ctk.data import FeatureTable
from ctk.errors import DamagedError, UsageError, near
from ctk.files import atomic, finite, read_json, write_json
from ctk.samples import Array, Samples

Target = Literal["numbers", "binary", "classes"]
"""What a target holds: numbers; zeros and ones; or in each row a single one, which is the row's class."""


class TreesTraining(Strict):
    """Training keys of boosted trees; a library's plugin adds those that only it has."""

    rounds: int = Field(1000, gt=0, description="trees at most, one after another, for each target or class")
    learning_rate: float = Field(0.05, gt=0, description="what each tree's part of the prediction is multiplied by")
    patience: int | None = Field(
        50, gt=0, description="rounds without gain on the validation rows that end a target's fit; none: all rounds"
    )
    objective: str | None = Field(
        None,
        description="the library's name of what trees lower; none: softmax where each row of the target has a single "
        "one, logistic where it holds zeros and ones, else squared error",
    )
    eval_metric: str | None = Field(
        None,
        description="the library's name of what the patience looks at; none: the run's metric where the library has "
        "it, else that of the objective",
    )
    log: bool = Field(
        False, description="learn log(1 + y) of a target of numbers above -1, as a metric of ratios wants it"
    )
    params: dict[str, Any] = Field({}, description="further parameters by the library's own names")

    @field_validator("params")
    @classmethod
    def _known_params(cls, params: dict[str, Any]) -> dict[str, Any]:
        if not params:
            return params
        reserved, known = cls.reserved_params(), None
        for name in params:
            if name in reserved:
                raise ValueError(f"'{name}' is not set here: {reserved[name]}")
            known = cls.known_params() if known is None else known
            if name not in known:
                help = near(name, known) or "See the library's own list of its parameters."
                raise ValueError(f"unknown key '{name}'. {help}")
        return params

    @classmethod
    def reserved_params(cls) -> Mapping[str, str]:
        """Name the library's parameters that are set by something else, and by what."""
        return {}

    @classmethod
    def known_params(cls) -> Collection[str]:
        """Name every parameter of the library; asked where a config has any, so that it may be imported for it."""
        return ()


@dataclass(frozen=True)
class BoostingTask:
    """What a booster is told.

    objective    the library's name of it
    eval_metric  the library's name of what early stopping looks at; None is that of the objective
    classes      how many there are, where the objective is of classes; else 0
    rounds       at most
    patience     rounds without gain that end the fit; None has no validation rows looked at
    seed         of everything random
    threads      at most
    gpu          whether to fit on it
    progress     call with the rounds done and the score on the validation rows after each
    is_time_up   where the fit has a limit, ask after each round, after ``progress``: whether to end it, and keep its
                 rounds up to the best
    """

    objective: str
    eval_metric: str | None
    classes: int
    rounds: int
    patience: int | None
    seed: int
    threads: int
    gpu: bool
    progress: Callable[[int, float | None], None] = lambda rounds, score: None
    is_time_up: Callable[[], bool] | None = None


class FittedBooster(NamedTuple):
    """A library's booster with as many rounds as are kept, and its score on the validation rows."""

    booster: Any
    rounds: int
    score: float | None


class TreesFile(BaseModel):
    """``trees.json``: the table that was learned from, and what the boosters beside it are of."""

    features: dict[str, int]
    columns: list[str]
    categories: dict[str, list[str]]
    targets: list[str]
    settings: dict[str, Any]


class BoostedTrees(Model):
    """Boosted trees on features of at most two dimensions: a booster a target, or one for all, or one for classes.

    Text is a category and NaN a missing value, for the trees themselves to treat. Each booster is written into the
    fit's folder as it is done, in the library's own format; a fit that was killed goes on with the next target.

    reads    shell patterns of the features that are read; none are all
    without  shell patterns of those that are not
    """

    schema = TreesTraining
    training: TreesTraining
    library: ClassVar[str]
    """What people call the library."""
    suffix: ClassVar[str]
    """Of a booster's file."""
    objectives: ClassVar[Mapping[Target, str]]
    """The library's name of the usual objective for each kind of target."""
    class_objectives: ClassVar[Collection[str]]
    """Objectives of classes, whose booster predicts a probability a class."""
    metrics: ClassVar[Mapping[str, str]]
    """The library's names of the toolkit's metrics."""
    class_metrics: ClassVar[Mapping[str, str]]
    """Their names where the objective is of classes."""
    same_scores: ClassVar[Collection[str]]
    """The toolkit's metrics whose numbers are the library's too, so that a fit may tell them."""

    def __init__(self, *, reads: list[str] | None = None, without: list[str] | None = None) -> None:
        self.reads = reads or []
        self.without = without or []
        self.boosters: list[Any] = []

    # What a library does ---------------------------------------------------------------------------------------------

    @abstractmethod
    def open_data(self, matrix: Array, label: Array, task: BoostingTask, reference: Any = None) -> Any:
        """Make the library's data set of an (N, F) matrix; validation rows are binned as those of ``reference``."""

    @abstractmethod
    def relabel(self, data: Any, label: Array) -> None:
        """Give a data set another target, (N,) or (N, D)."""

    @abstractmethod
    def train(self, data: Any, valid: Any | None, task: BoostingTask) -> FittedBooster:
        """Fit one booster; without ``valid`` for all rounds."""

    @abstractmethod
    def write_booster(self, fitted: FittedBooster, path: Path) -> None:
        """Write a booster in the library's own format."""

    @abstractmethod
    def read_booster(self, path: Path, gpu: bool) -> Any:
        """Read what ``write_booster`` wrote, to predict. Raises whatever the library does of a damaged file."""

    @abstractmethod
    def predict_boosters(self, boosters: Sequence[Any], matrix: Array) -> list[Array]:
        """Predict (N,) or (N, D) with each booster."""

    @abstractmethod
    def gains(self, booster: Any) -> Array:
        """(F,) how much a booster's splits by each column lowered its objective in all."""

    def settings(self, context: FitContext) -> dict[str, Any]:
        """Tell what decides a booster beside data: one that was fitted with other settings is fitted anew."""
        return {"seed": context.seed, "steps": context.steps, **self.training.model_dump()}

    @property
    def targets_together(self) -> bool:
        """Whether one booster learns all targets."""
        return False

    # The model -------------------------------------------------------------------------------------------------------

    def fit(self, train: Samples, valid: Samples, context: FitContext) -> None:
        """Fit the boosters that are not in the context's folder yet. Raises CtkError for what the library refuses."""
        self.table = FeatureTable.of(train, self.reads, self.without)
        targets = self._scaled(_matrix_of(train))
        task = self._task(targets, len(valid) > 0, context)
        labels = self._labels(targets, task)
        self._target_names = self._names(train, len(labels))
        self._open_folder(context)
        matrix, valid_matrix = self.table.matrix(train), self.table.matrix(valid)
        valid_labels = self._labels(self._scaled(_matrix_of(valid)), task)
        total = task.rounds * len(labels)
        data = valid_data = None
        told: list[tuple[str, FittedBooster]] = []
        for number, name in enumerate(self._target_names):
            path = context.folder / self._file(number)
            progress = _Progress(context, number * task.rounds, total, self._score_name(context.metric, task, labels))
            if not self._is_readable(path, task.gpu, context):
                if data is None:
                    data = self.open_data(matrix, labels[number], task)
                    if task.patience is not None:
                        valid_data = self.open_data(valid_matrix, valid_labels[number], task, data)
                else:
                    self.relabel(data, labels[number])
                    if valid_data is not None:
                        self.relabel(valid_data, valid_labels[number])
                # Each has its share of the time; those after one that took all of it have a round.
                share, limit = (number + 1) / len(labels), context.limit
                up = None if limit is None else partial(limit.is_up, share)
                fitted = self.train(data, valid_data, replace(task, progress=progress, is_time_up=up))
                with atomic(path, lasting=False) as temporary:  # what a power cut damages is fitted anew
                    self.write_booster(fitted, temporary)
                told.append((name, fitted))
            self.boosters.append(self.read_booster(path, task.gpu))
            progress.end(task.rounds)
        if told:
            context.tell(_sum_up(told, task.eval_metric))

    def predict(self, samples: Samples) -> Array:
        """Predict (N, D) float32."""
        predicted = self.predict_boosters(self.boosters, self.table.matrix(samples))
        columns = [np.asarray(each, np.float32).reshape(len(samples), -1) for each in predicted]
        whole = columns[0] if len(columns) == 1 else np.concatenate(columns, axis=1)
        return np.expm1(whole) if self._settings.get("log") else whole

    def importances(self) -> dict[str, float]:
        """Share of each column in the gain of the trees' splits, the mean over boosters."""
        shares = np.zeros(len(self.table.names))
        for booster in self.boosters:
            gains = np.asarray(self.gains(booster), dtype=np.float64)
            shares += gains / max(gains.sum(), np.finfo(np.float64).tiny) / len(self.boosters)
        return {name: float(share) for name, share in zip(self.table.names, shares, strict=True) if share}

    def features_read(self, samples: Samples) -> list[str]:
        """Those of at most two dimensions that the patterns leave."""
        return list(FeatureTable.of(samples, self.reads, self.without).widths)

    def memory(self, samples: Samples, device: str = "auto") -> int | None:
        """Bytes of the matrix, of what the library makes of it, and of gradients: about ten for a number."""
        table = FeatureTable.of(samples, self.reads, self.without)
        return len(samples) * (10 * len(table.names) + 32 * samples.target_width)

    def save(self, folder: Path) -> None:
        """Write ``trees.json`` and the boosters, each in the library's own format."""
        for number, booster in enumerate(self.boosters):
            with atomic(folder / self._file(number)) as temporary:
                self.write_booster(FittedBooster(booster, 0, None), temporary)
        self._write_facts(folder)

    def load(self, folder: Path, samples: Samples, device: str = "auto") -> None:
        """Read what ``save`` wrote. Raises DamagedError."""
        facts = read_json(folder / "trees.json", TreesFile)
        self.table = FeatureTable(facts["features"], facts["columns"], facts["categories"])
        self._target_names, self._settings = facts["targets"], facts["settings"]
        gpu = self.fits_on_gpu(device)
        self.boosters = []
        for number in range(len(self._target_names)):
            path = folder / self._file(number)
            try:
                self.boosters.append(self.read_booster(path, gpu))
            except Exception as error:  # each library has errors of its own
                problem = f"{path}: is no booster of {self.library}, or is damaged."
                raise DamagedError(problem, "Fit the member anew.") from error

    def fits_on_gpu(self, device: str) -> bool:
        """Whether to compute on a GPU, of a run's ``device``. Raises UsageError for one that is not there."""
        from ctk.training.devices import torch_device  # late: it brings torch

        return torch_device(device).type == "cuda"

    # Small things ----------------------------------------------------------------------------------------------------

    def _task(self, targets: Array, has_valid: bool, context: FitContext) -> BoostingTask:
        import torch  # late, as above

        kind = kind_of_target(targets)
        objective = self.training.objective or self.objectives[kind]
        of_classes = objective in self.class_objectives
        if of_classes and kind != "classes":
            raise UsageError(
                f"The objective '{objective}' needs a column a class with a single one in each row of the target.",
                "Take an objective of numbers, or leave it out.",
            )
        if self.training.patience is not None and not has_valid:
            context.tell("there are no validation rows to stop by: all rounds are trained")
        rounds = self.training.rounds if context.steps is None else min(context.steps, self.training.rounds)
        return BoostingTask(
            objective=objective,
            eval_metric=self.training.eval_metric or self._metric_name(context.metric, of_classes, kind),
            classes=targets.shape[1] if of_classes else 0,
            rounds=rounds,
            patience=self.training.patience if has_valid else None,
            seed=context.seed,
            threads=torch.get_num_threads(),
            gpu=self.fits_on_gpu(context.device),
        )

    def _metric_name(self, metric: Metric, of_classes: bool, kind: Target) -> str | None:
        names = self.class_metrics if of_classes else self.metrics
        if kind == "numbers" and (metric.climb or metric.name) in ("logloss", "auc", "accuracy"):
            return None
        return names.get(metric.climb or metric.name)

    def _score_name(self, metric: Metric, task: BoostingTask, labels: Sequence[Array]) -> str | None:
        """Name the run's metric where a booster's score is the member's: there is one, and its number is the same."""
        known = metric.climb or metric.name
        names = self.class_metrics if task.classes else self.metrics
        same = known in self.same_scores and task.eval_metric == names.get(known)
        return metric.name if same and len(labels) == 1 else None

    def _scaled(self, targets: Array) -> Array:
        """The targets, or their logarithms. Raises UsageError for such as have none."""
        if not self.training.log:
            return targets
        if len(targets) and not targets.min() > -1:
            raise UsageError(f"log is true, and there is a target of {targets.min():g}.", "Leave log out.")
        return np.log1p(targets)

    def _labels(self, targets: Array, task: BoostingTask) -> list[Array]:
        """What each booster is to predict: class numbers, a column, or all of them."""
        if task.classes:
            return [targets.argmax(axis=1)]
        if self.targets_together:
            return [targets]
        return [np.ascontiguousarray(column) for column in targets.T]

    def _names(self, train: Samples, boosters: int) -> list[str]:
        if boosters == 1:
            return ["all targets" if train.target_width > 1 else "target"]
        return (
            [f"target {number}" for number in range(boosters)]
            if train.targets is None
            else train.targets.names.tolist()
        )

    def _file(self, number: int) -> str:
        return f"booster-{number:04d}{self.suffix}"

    def _facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = finite(
            {
                "features": dict(self.table.widths),
                "columns": list(self.table.names),
                "categories": {name: list(each) for name, each in self.table.categories.items()},
                "targets": self._target_names,
                "settings": self._settings,
            }
        )
        return facts

    def _write_facts(self, folder: Path, lasting: bool = True) -> None:
        write_json(folder / "trees.json", self._facts(), lasting)

    def _open_folder(self, context: FitContext) -> None:
        """Keep the boosters of an interrupted fit of the same table and settings; all others go."""
        self._settings = self.settings(context)
        self.boosters = []
        context.folder.mkdir(parents=True, exist_ok=True)
        try:
            begun = read_json(context.folder / "trees.json", TreesFile)
        except DamagedError:
            begun = None
        if begun != self._facts():
            for path in context.folder.glob(f"booster-*{self.suffix}"):
                path.unlink()
            self._write_facts(context.folder, lasting=False)

    def _is_readable(self, path: Path, gpu: bool, context: FitContext) -> bool:
        if not path.exists():
            return False
        try:
            self.read_booster(path, gpu)
        except Exception as error:  # each library has errors of its own
            context.tell(f"{path.name} cannot be read ({type(error).__name__}) and is fitted anew")
            return False
        return True


def _sum_up(fitted: Sequence[tuple[str, FittedBooster]], metric: str | None) -> str:
    """Say in one line how many rounds boosters have, by name, and what they reach where that is known."""
    rounds = [booster.rounds for _, booster in fitted]
    scores = [booster.score for _, booster in fitted if booster.score is not None]
    whose = f"{fitted[0][0]}: " if len(fitted) == 1 else f"{len(fitted)} boosters of {min(rounds):,} to "
    return f"{whose}{max(rounds):,} rounds" + (
        f", {metric or 'score'} {sum(scores) / len(scores):.6g}" if scores else ""
    )


class _Progress:
    """Tells how far a fit is after each round of one of its boosters, and its score where that is the member's."""

    def __init__(self, context: FitContext, before: int, total: int, name: str | None) -> None:
        self.context, self.before, self.total, self.name = context, before, total, name
        self.scores: dict[str, float] = {}

    def __call__(self, rounds: int, score: float | None) -> None:
        if self.name and score is not None:
            self.scores = {self.name: score}
        if self.before + rounds < self.total:
            self.context.progress(self.before + rounds, self.total, self.scores)

    def end(self, rounds: int) -> None:
        """Tell that the booster is stored, whichever round was its last."""
        self.context.progress(self.before + rounds, self.total, self.scores)


def kind_of_target(targets: Array) -> Target:
    """Tell what an (N, D) target holds."""
    if not ((targets == 0) | (targets == 1)).all():
        return "numbers"
    return "classes" if targets.shape[1] > 1 and (targets.sum(axis=1) == 1).all() else "binary"


def _matrix_of(samples: Samples) -> Array:
    return np.asarray(samples.target_values()).reshape(len(samples), samples.target_width)
