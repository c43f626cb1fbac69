"""A plugin's model inside its guard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ctk.contract import FitContext, Model
from ctk.plugins.guard import arrays
from ctk.plugins.guard.guard import Guard
from ctk.samples import Array, Samples


class GuardedModel(Model):
    """What the model raises names its plugin; its predictions are numbers, finite, and a row of the target wide.

    own  the model itself
    """

    def __init__(self, own: Model, guard: Guard) -> None:
        self.own = own
        self.guard = guard
        self.row: tuple[int, ...] | None = None
        self.spans_ranks = own.spans_ranks

    def fit(self, train: Samples, valid: Samples, context: FitContext) -> None:
        """Learn."""
        self.row = _row(train)
        with self.guard("fitting"):
            self.own.fit(train, valid, context)

    def predict(self, samples: Samples) -> Array:
        """(N, D) numbers."""
        with self.guard("predicting"):
            predicted = arrays.prediction(self.own.predict(samples), len(samples), self.row)
            arrays.refuse_not_finite(predicted, samples.ids, "Lower the learning rate, or set clip.")
        return predicted

    def save(self, folder: Path) -> None:
        """Write what ``load`` needs."""
        with self.guard("saving itself"):
            self.own.save(folder)

    def load(self, folder: Path, samples: Samples, device: str = "auto") -> None:
        """Become the model that was saved."""
        self.row = _row(samples)
        with self.guard("loading what it saved"):
            self.own.load(folder, samples, device)

    @property
    def curve(self) -> list[dict[str, float]]:
        """Scores by epoch, for models that have epochs."""
        with self.guard("telling its curve"):
            told: Any = getattr(self.own, "curve", [])
            return arrays.curve(told)

    @property
    def size(self) -> int | None:
        """How many numbers were learned, for models that count them."""
        with self.guard("telling its size"):
            size: Any = getattr(self.own, "size", None)
            return None if size is None else int(size)


def _row(samples: Samples) -> tuple[int, ...] | None:
    """Shape of one row of the target; None where there is none."""
    if samples.gallery is not None:
        return (samples.target_width,)
    return None if samples.target is None else samples.target.shape[1:]
