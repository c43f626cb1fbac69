"""Ridge regression in closed form: the baseline that every network has to beat."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ctk.contract import FitContext, Model
from ctk.files import atomic
from ctk.samples import Array, Samples


def solve_ridge(x: Array, y: Array, alpha: float) -> tuple[Array, Array, Array]:
    """Weights (D, T) of y - mean(y) on x - mean(x), and both means; minimises |xw - y|^2 + alpha |w|^2 in float64.

    Hoerl and Kennard 1970, "Ridge regression: biased estimation for nonorthogonal problems".
    """
    x_mean, y_mean = x.mean(0, dtype=np.float64), y.mean(0, dtype=np.float64)
    centred = x - x_mean
    gram = centred.T @ centred
    gram[np.diag_indices_from(gram)] += alpha
    return np.linalg.solve(gram, centred.T @ (y - y_mean)), x_mean, y_mean


class Ridge(Model):
    """All features side by side, mapped linearly to the target values. ``alpha`` is the penalty."""

    def __init__(self, *, alpha: float = 1.0, normalise_target: bool = False) -> None:
        self.alpha = alpha
        self.normalise_target = normalise_target

    def fit(self, train: Samples, valid: Samples, context: FitContext) -> None:
        """Solve once; ``valid`` is not looked at."""
        y = np.asarray(train.target_values(), dtype=np.float64).reshape(len(train), -1)
        if self.normalise_target:
            y = y / np.linalg.norm(y, axis=1, keepdims=True).clip(1e-12)
        self.weights, self.x_mean, self.y_mean = solve_ridge(_matrix(train), y, self.alpha)
        context.progress(1, 1, {})

    def predict(self, samples: Samples) -> Array:
        """(N, T) float32."""
        return ((_matrix(samples) - self.x_mean) @ self.weights + self.y_mean).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write ``ridge.npz``."""
        with atomic(folder / "ridge.npz") as temporary, temporary.open("wb") as file:
            np.savez(file, weights=self.weights, x_mean=self.x_mean, y_mean=self.y_mean)

    def load(self, folder: Path, samples: Samples) -> None:
        """Read ``ridge.npz``."""
        with np.load(folder / "ridge.npz", allow_pickle=False) as file:
            self.weights, self.x_mean, self.y_mean = file["weights"], file["x_mean"], file["y_mean"]


def _matrix(samples: Samples) -> Array:
    return np.concatenate(
        [np.asarray(values, dtype=np.float64).reshape(len(samples), -1) for values in samples.features.values()], axis=1
    )
