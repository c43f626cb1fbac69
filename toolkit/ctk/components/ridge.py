"""Ridge regression in closed form: the baseline that every network has to beat."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from ctk.contract import FitContext, Model
from ctk.errors import DamagedError, UsageError, nearest
from ctk.files import atomic, reading
from ctk.samples import Array, Samples

ROWS = 16384
"""Rows added at a time: 120 MB of 900 float64 columns. As many rows as most data has are one block."""
STILL = 1e-10
"""A feature whose deviation is a smaller share of its mean than this is constant but for rounding."""

Alpha = Annotated[float, Field(gt=0)]


class NormalEquations:
    """What ridge regression has to know of rows, summed over blocks of them in float64.

    Sums are taken of what is apart from the first block's means and set right at the end, so that means far larger
    than deviations cost no digits.

    x_mean, y_mean  (D,), (T,)
    gram, cross     (D, D), (D, T): sums of products of what is apart from the means
    """

    def __init__(self) -> None:
        self.rows = 0

    def add(self, x: Array, y: Array) -> None:
        """Add (n, D) features and (n, T) targets."""
        if not self.rows:
            self._x_shift, self._y_shift = x.mean(0, dtype=np.float64), y.mean(0, dtype=np.float64)
            self._gram = np.zeros((x.shape[1], x.shape[1]))
            self._cross = np.zeros((x.shape[1], y.shape[1]))
            self._x_sum, self._y_sum = np.zeros(x.shape[1]), np.zeros(y.shape[1])
        else:
            self._x_sum += (x - self._x_shift).sum(0)
            self._y_sum += (y - self._y_shift).sum(0)
        x, y = x - self._x_shift, y - self._y_shift
        self._gram += x.T @ x
        self._cross += x.T @ y
        self.rows += len(x)

    @property
    def x_mean(self) -> Array:
        return np.asarray(self._x_shift + self._x_sum / self.rows)

    @property
    def y_mean(self) -> Array:
        return np.asarray(self._y_shift + self._y_sum / self.rows)

    @property
    def gram(self) -> Array:
        return np.asarray(self._gram - np.outer(self._x_sum, self._x_sum) / self.rows)

    @property
    def cross(self) -> Array:
        return np.asarray(self._cross - np.outer(self._x_sum, self._y_sum) / self.rows)


def solve_ridge(x: Array, y: Array, alpha: float) -> tuple[Array, Array, Array]:
    """Weights (D, T) of y - mean(y) on x - mean(x), and both means; minimises |xw - y|^2 + alpha |w|^2 in float64.

    Hoerl and Kennard 1970, "Ridge regression: biased estimation for nonorthogonal problems".
    """
    equations = NormalEquations()
    equations.add(x, y)
    return _solve(equations.gram, equations.cross, alpha), equations.x_mean, equations.y_mean


class Ridge(Model):
    """Features side by side, mapped linearly to the target values; any number of rows in the memory of one block.

    alpha             the penalty; of several, the one best by the run's metric on the validation samples; where the
                      columns of the target have names, each has the one with the least squared error there
    standardise       features divided by their deviation, so that the penalty weighs all alike; constant ones are
                      left out
    features          names of the features that are read; none are all that are numbers
    normalise_target  scale each row of the target to length 1
    """

    reads_nan = False

    def __init__(
        self,
        *,
        alpha: Alpha | Annotated[list[Alpha], Field(min_length=1)] = 1.0,
        standardise: bool = False,
        features: list[str] | None = None,
        normalise_target: bool = False,
    ) -> None:
        self.alphas = alpha if isinstance(alpha, list) else [alpha]
        self.standardise = standardise
        self.features = features
        self.normalise_target = normalise_target

    def fit(self, train: Samples, valid: Samples, context: FitContext) -> None:
        """Sum the rows once and solve for each alpha; ``valid`` is looked at only to choose among several."""
        if len(self.alphas) > 1 and not len(valid):
            raise UsageError("ridge has several alphas and no validation samples to choose by.", "Give one alpha.")
        equations = NormalEquations()
        for block in _blocks(train):
            y = np.asarray(block.target_values(), dtype=np.float64).reshape(len(block), -1)
            if self.normalise_target:
                y = y / np.linalg.norm(y, axis=1, keepdims=True).clip(1e-12)
            equations.add(self._matrix(block), y)
        self.x_mean, self.y_mean = equations.x_mean, equations.y_mean
        gram, cross = equations.gram, equations.cross
        scale = self._scale(gram, equations.rows)
        gram *= scale[:, None] * scale
        cross *= scale[:, None]
        solved = [_solve(gram, cross, alpha) * scale[:, None] for alpha in self.alphas]
        if len(solved) == 1:
            (self.weights,) = solved
            context.progress(1, 1, {})
        elif train.targets is not None:
            self._choose_by_column(solved, valid, context)
        else:
            self._choose(solved, valid, context)

    def predict(self, samples: Samples) -> Array:
        """(N, T) float32."""
        prediction = np.empty((len(samples), len(self.y_mean)), np.float32)
        start = 0
        for block in _blocks(samples):
            prediction[start : start + len(block)] = (self._matrix(block) - self.x_mean) @ self.weights + self.y_mean
            start += len(block)
        return prediction

    def features_read(self, samples: Samples) -> list[str]:
        """Those of the option, or all that are numbers."""
        numbers = [name for name, values in samples.features.items() if values.dtype.kind != "U"]
        return numbers if self.features is None else self.features

    def save(self, folder: Path) -> None:
        """Write ``ridge.npz``."""
        with atomic(folder / "ridge.npz") as temporary, temporary.open("wb") as file:
            np.savez(file, weights=self.weights, x_mean=self.x_mean, y_mean=self.y_mean)

    def load(self, folder: Path, samples: Samples, device: str = "auto") -> None:
        """Read ``ridge.npz``. Raises DamagedError."""
        path, help = folder / "ridge.npz", "Was it moved or damaged? Fit the member anew."
        with reading(path, help) as file, np.load(file, allow_pickle=False) as arrays:
            self.weights, self.x_mean, self.y_mean = (arrays[name] for name in ("weights", "x_mean", "y_mean"))
        shapes = [each.shape for each in (self.weights, self.x_mean, self.y_mean)]
        if len(shapes[0]) != 2 or shapes != [shapes[0], shapes[0][:1], shapes[0][1:]]:
            raise DamagedError(f"{path}: weights and means of shapes {shapes} do not go together.", help)

    def _choose(self, solved: list[Array], valid: Samples, context: FitContext) -> None:
        """Keep the weights that are best by the metric."""
        valid = valid.with_own_gallery() if valid.gallery is not None else valid
        scores = []
        for number, weights in enumerate(solved, start=1):
            self.weights = weights
            scores.append(context.metric.score(self.predict(valid), valid))
            context.progress(number, len(solved), {context.metric.name: scores[-1]})
        self.weights = solved[max(range(len(solved)), key=lambda number: context.metric.merit(scores[number]))]

    def _choose_by_column(self, solved: list[Array], valid: Samples, context: FitContext) -> None:
        """Keep for each column the weights with the least squared error: its penalty is no other column's business."""
        errors = np.zeros((len(solved), len(self.y_mean)))
        for block in _blocks(valid):
            x, y = self._matrix(block) - self.x_mean, block.target_values() - self.y_mean
            for number, weights in enumerate(solved):
                errors[number] += np.square(x @ weights - y).sum(axis=0)
        best = errors.argmin(axis=0)
        self.weights = np.stack(solved)[best, :, np.arange(len(best))].T
        context.progress(1, 1, {context.metric.name: context.metric.score(self.predict(valid), valid)})

    def _scale(self, gram: Array, rows: int) -> Array:
        """(D,) what features are multiplied by; 0 for those that are constant."""
        if not self.standardise:
            return np.ones(len(gram))
        deviation = np.sqrt(np.diagonal(gram).clip(0) / rows)
        moves = deviation > STILL * np.abs(self.x_mean)
        return np.divide(1.0, deviation, out=np.zeros(len(gram)), where=moves)

    def _matrix(self, samples: Samples) -> Array:
        """(N, D) float64. Raises UsageError for a feature that is not there."""
        names = self.features_read(samples)
        for name in names:
            if name not in samples.features:
                raise UsageError(
                    f"ridge reads the feature '{name}', which the samples have not.",
                    nearest(name, samples.features, "features"),
                )
        return np.concatenate(
            [np.asarray(samples.features[name], dtype=np.float64).reshape(len(samples), -1) for name in names], axis=1
        )


def _solve(gram: Array, cross: Array, alpha: float) -> Array:
    penalised = gram.copy()
    penalised[np.diag_indices_from(penalised)] += alpha
    return np.linalg.solve(penalised, cross)


def _blocks(samples: Samples) -> list[Samples]:
    """The samples, some thousand rows at a time; views of memory-mapped arrays."""
    return [samples.take(np.arange(start, min(start + ROWS, len(samples)))) for start in range(0, len(samples), ROWS)]
