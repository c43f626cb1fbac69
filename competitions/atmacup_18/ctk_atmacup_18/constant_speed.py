"""Straight on as fast as now: what a member has to beat."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ctk.contract import FitContext, Model
from ctk.samples import Array, Samples
from ctk_atmacup_18.columns import AXIS, HORIZONS


class ConstantSpeed(Model):
    """Predicts x = vEgo t, y = z = 0 without learning anything."""

    def fit(self, train: Samples, valid: Samples, context: FitContext) -> None:
        """There is nothing to learn."""
        context.progress(1, 1, {})

    def predict(self, samples: Samples) -> Array:
        """(N, 18) float32, metres."""
        prediction = np.zeros((len(samples), len(AXIS)), np.float32)
        prediction[:, AXIS == "x"] = samples.features["vEgo"][:, None] * np.array(HORIZONS, np.float32)
        return prediction

    def features_read(self, samples: Samples) -> list[str]:
        """The speed alone."""
        return ["vEgo"]

    def save(self, folder: Path) -> None:
        """There is nothing to keep."""

    def load(self, folder: Path, samples: Samples, device: str = "auto") -> None:
        """There is nothing to read."""
