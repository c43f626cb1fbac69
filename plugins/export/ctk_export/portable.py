"""A fitted model as other programs can have it: a graph from features to predictions, and named tensors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ctk.contract import Model
from ctk.samples import Array, Samples
from ctk.training import text_codes


class Portable(ABC):
    """One kind of fitted model that can be exported.

    model     the fitted one, on the CPU
    features  names of what the graph takes, one tensor (B, ...) each, as the samples have them
    """

    def __init__(self, model: Any, features: Sequence[str]) -> None:
        self.model = model
        self.features = tuple(features)

    @abstractmethod
    def graph(self) -> nn.Module:
        """In eval mode, called with the features one after another: (B, ...) float32 in the samples' units."""

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """All that was learned, by name."""

    @abstractmethod
    def restore(self, blank: Model, samples: Samples, tensors: dict[str, Tensor]) -> Portable:
        """The same kind of model from such tensors; ``blank`` is configured like it and was never fitted."""

    @abstractmethod
    def statistics(self) -> dict[str, Tensor]:
        """The means and scales that the graph applies to its inputs and outputs; none where it applies none."""

    def inputs(self, samples: Samples) -> list[Tensor]:
        """What the graph takes of samples."""
        values = (samples.features[name] for name in self.features)
        return [text_codes(each) if each.dtype.kind == "U" else torch.tensor(each) for each in values]

    def input_normalization(self) -> dict[str, Any]:
        """What the model tells of means and scales by input, for people and programs; empty where it tells nothing."""
        return {}

    def predict(self, samples: Samples) -> Array:
        """The model's own prediction, by ctk's own loop."""
        prediction: Array = self.model.predict(samples)
        return prediction
