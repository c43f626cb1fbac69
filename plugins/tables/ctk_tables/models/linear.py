"""A linear model of a table: ridge regression of numbers, logistic regression of classes."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, Field

from ctk.contract import Count, FitContext, Model
from ctk.data import FeatureTable
from ctk.errors import DamagedError, UsageError
from ctk.files import atomic, read_json, reading, write_json
from ctk.samples import Array, Samples
from ctk.training import kind_of_target
from ctk_tables.models.design import Design

TABLE, WEIGHTS = "table.json", "linear.npz"
ALPHAS = (0.1, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 10000.0)
"""Penalties of ridge regression that are tried."""
STRENGTHS = (1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 10.0, 100.0)
"""Inverse penalties of logistic regression that are tried, the strictest first."""
STEPS = 300
"""Of a logistic regression at most."""
LEAST = 1e-6
"""Probability of a class that no training row has."""


class LinearTable(BaseModel):
    """``table.json``: what the design was learned of, and what is predicted."""

    features: dict[str, int]
    columns: list[str]
    categories: dict[str, list[str]]
    objective: Literal["numbers", "binary", "classes"]


class Linear(Model):
    """Ridge regression, or logistic regression where the target holds zeros and ones or a column a class.

    It reads every feature of at most two dimensions: numbers scaled and as normal scores of their ranks, missing ones
    as the median with a column that says so, text as a category one by one, rare ones together. Predictions are
    numbers or probabilities. The penalty is the one that does best on the validation rows by squared error or log
    loss, of ridge regression for each column of the target.

    reads      shell patterns of the features that are read; none are all
    without    shell patterns of those that are not
    objective  numbers, binary or classes; none: by the target
    log        learn log(1 + y) of a target of numbers above -1, as a metric of ratios wants it
    rare       rows that a category has at least, so that it has a column
    most       categories of a feature that have one
    """

    def __init__(
        self,
        *,
        reads: list[str] | None = None,
        without: list[str] | None = None,
        objective: Literal["numbers", "binary", "classes"] | None = None,
        log: bool = False,
        rare: Count = 5,
        most: Annotated[int, Field(ge=1)] = 200,
    ) -> None:
        self.reads = reads or []
        self.without = without or []
        self.wanted = objective
        self.log = log
        self.rare = rare
        self.most = most

    def fit(self, train: Samples, valid: Samples, context: FitContext) -> None:
        """Fit with each penalty and keep the best on ``valid``; without such rows the middle one."""
        self.table = FeatureTable.of(train, self.reads, self.without)
        target = _target_of(train)
        self.objective = self.wanted or kind_of_target(target)
        matrix = self.table.matrix(train)
        self.design = Design.of(matrix, self.table.categorical(), self.rare, self.most)
        x, x_valid = self.design.apply(matrix), self.design.apply(self.table.matrix(valid))
        y_valid = _target_of(valid)
        if self.objective == "numbers":
            self.low, self.high = _range_with_room(target)
            self._fit_ridge(x, self._scaled(target), x_valid, self._scaled(y_valid), context)
        else:
            self.low, self.high = np.zeros(target.shape[1]), np.ones(target.shape[1])
            self._fit_logistic(x, target, x_valid, y_valid, context)
        self.spread = _deviations(x)

    def predict(self, samples: Samples) -> Array:
        """(N, T) float32: numbers, or probabilities."""
        return self._predict(self.design.apply(self.table.matrix(samples)))

    def importances(self) -> dict[str, float]:
        """Size of the weights times the deviation of what they weigh, by column of the table."""
        worth = np.zeros(len(self.table.names))
        np.add.at(worth, self.design.columns(), np.abs(self.weights).sum(axis=1) * self.spread)
        return {name: float(each) for name, each in zip(self.table.names, worth, strict=True) if each}

    def features_read(self, samples: Samples) -> list[str]:
        """Those of at most two dimensions that the patterns leave."""
        return list(FeatureTable.of(samples, self.reads, self.without).widths)

    def memory(self, samples: Samples, device: str = "auto") -> int | None:
        """Bytes of the design, and of the copy that scikit-learn makes of it."""
        table = FeatureTable.of(samples, self.reads, self.without)
        columns = 3 * len(table.names) + sum(min(self.most, len(each)) for each in table.categories.values())
        return 24 * len(samples) * columns

    def save(self, folder: Path) -> None:
        """Write ``table.json`` and ``linear.npz``."""
        facts = LinearTable(
            features=dict(self.table.widths),
            columns=list(self.table.names),
            categories={name: list(each) for name, each in self.table.categories.items()},
            objective=self.objective,
        )
        write_json(folder / TABLE, facts.model_dump())
        with atomic(folder / WEIGHTS) as temporary, temporary.open("wb") as file:
            own = {name: getattr(self, name) for name in ("weights", "intercept", "low", "high", "spread")}
            np.savez(file, allow_pickle=False, **own, **self.design.arrays())

    def load(self, folder: Path, samples: Samples, device: str = "auto") -> None:
        """Read what ``save`` wrote. Raises DamagedError."""
        facts = read_json(folder / TABLE, LinearTable)
        self.table = FeatureTable(facts["features"], facts["columns"], facts["categories"])
        self.objective = facts["objective"]
        with reading(folder / WEIGHTS) as file, np.load(file, allow_pickle=False) as arrays:
            self.design = Design.read(arrays)
            self.weights, self.intercept = arrays["weights"], arrays["intercept"]
            self.low, self.high, self.spread = arrays["low"], arrays["high"], arrays["spread"]
        if self.weights.shape != (len(self.design.columns()), len(self.low)):
            raise DamagedError(f"{folder / WEIGHTS}: weights and design do not go together.", "Fit the member anew.")

    # Fits ------------------------------------------------------------------------------------------------------------

    def _fit_ridge(self, x: Any, y: Array, x_valid: Any, y_valid: Array, context: FitContext) -> None:
        from sklearn.linear_model import Ridge

        some = ALPHAS if len(y_valid) else (ALPHAS[len(ALPHAS) // 2],)
        best = np.full(y.shape[1], np.inf)
        self.weights, self.intercept = np.zeros((x.shape[1], y.shape[1])), np.zeros(y.shape[1])
        for number, alpha in enumerate(some, start=1):
            fitted = Ridge(alpha, solver="auto" if x.shape[1] <= 4000 else "lsqr").fit(x, y)
            weights, intercept = fitted.coef_.reshape(y.shape[1], -1).T, np.atleast_1d(fitted.intercept_)
            error = np.square(x_valid @ weights + intercept - y_valid).sum(axis=0)
            better = error < best
            best[better] = error[better]
            self.weights[:, better], self.intercept[better] = weights[:, better], intercept[better]
            context.progress(number, len(some), {})

    def _fit_logistic(self, x: Any, y: Array, x_valid: Any, y_valid: Array, context: FitContext) -> None:
        problems = [y.argmax(axis=1)] if self.objective == "classes" else list(y.T.astype(np.int64))
        parts = []
        for number, label in enumerate(problems):
            alone = slice(None) if self.objective == "classes" else slice(number, number + 1)
            parts.append(self._fit_label(x, label, x_valid, y_valid[:, alone], y[:, alone].shape[1], context))
        self.weights = np.concatenate([weights for weights, _ in parts], axis=1)
        self.intercept = np.concatenate([intercept for _, intercept in parts])
        context.progress(1, 1, {})

    def _fit_label(
        self, x: Any, label: Array, x_valid: Any, valid: Array, width: int, context: FitContext
    ) -> tuple[Array, Array]:
        """Fit class numbers (N,): weights (D, width) and intercepts (width,) of logits."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        known = np.unique(label)
        if len(known) == 1:  # nothing to tell apart
            intercept = np.full(width, np.log(LEAST))
            intercept[known[0] if width > 1 else 0] = 0 if width > 1 else np.log(LEAST) * (1 - 2 * known[0])
            return np.zeros((x.shape[1], width)), intercept
        model = LogisticRegression(max_iter=STEPS, tol=1e-5, warm_start=True)
        best, found, worse = np.inf, None, 0
        some = STRENGTHS if len(valid) else (1.0,)
        for number, strength in enumerate(some, start=1):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # the validation rows say whether it is good
                model.set_params(C=strength).fit(x, label)
            weights, intercept = _by_class(model, known, width)
            loss = _log_loss(_linked(x_valid @ weights + intercept, width > 1), valid) if len(valid) else 0.0
            context.working(number / len(some), 1)
            if loss < best:
                best, found, worse = loss, (weights, intercept), 0
            elif (worse := worse + 1) == 2:
                break
        assert found is not None
        return found

    def _predict(self, x: Any) -> Array:
        made = x @ self.weights + self.intercept
        if self.objective == "numbers":
            made = np.expm1(made) if self.log else made
            return np.asarray(np.clip(made, self.low, self.high), np.float32)
        return _linked(made, self.objective == "classes").astype(np.float32)

    def _scaled(self, target: Array) -> Array:
        if not self.log:
            return target
        if len(target) and target.min() <= -1:
            raise UsageError(f"linear learns log(1 + y), and there is a target of {target.min():g}.", "Set log: false.")
        return np.log1p(target)


def _target_of(samples: Samples) -> Array:
    return np.asarray(samples.target_values(), np.float64).reshape(len(samples), samples.target_width)


def _range_with_room(target: Array) -> tuple[Array, Array]:
    """(T,), (T,) what predictions are cut off at: half the targets' range beyond it; none is below 0 where none was."""
    low, high = target.min(axis=0), target.max(axis=0)
    room = (high - low) / 2
    return np.where(low >= 0, np.maximum(low - room, 0), low - room), high + room


def _by_class(model: Any, known: Array, width: int) -> tuple[Array, Array]:
    """Weights (D, width) and intercepts (width,) of a fitted logistic regression that knows some classes of all."""
    if width == 1:
        return model.coef_.T, model.intercept_
    some, means = model.coef_, model.intercept_
    if len(known) == 2:  # it tells the second from the first
        some, means = np.concatenate([np.zeros_like(some), some]), np.concatenate([np.zeros_like(means), means])
    weights, intercept = np.zeros((some.shape[1], width)), np.full(width, means.max() + np.log(LEAST))
    weights[:, known], intercept[known] = some.T, means
    return weights, intercept


def _linked(logits: Array, classes: bool) -> Array:
    from scipy.special import expit, softmax

    return np.asarray(softmax(logits, axis=1) if classes else expit(logits))


def _log_loss(probability: Array, target: Array) -> float:
    """Log loss of rows of classes, or of a column of ones."""
    likely = (
        (probability * target).sum(axis=1) if target.shape[1] > 1 else np.where(target, probability, 1 - probability)
    )
    return float(-np.log(np.clip(likely, 1e-15, 1)).mean())


def _deviations(x: Any) -> Array:
    """(D,) of the columns of a design."""
    mean = np.asarray(x.mean(axis=0)).ravel()
    square = np.asarray((x.multiply(x) if hasattr(x, "multiply") else np.square(x)).mean(axis=0)).ravel()
    return np.asarray(np.sqrt((square - mean**2).clip(0)))
