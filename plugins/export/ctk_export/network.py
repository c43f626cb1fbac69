"""Torch networks, with the copies that were fine-tuned for groups of columns."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ctk.contract import Model, View
from ctk.samples import Array, Samples
from ctk.training import NetworkModel, State, mean_output
from ctk_export.portable import Portable


class Network(Portable):
    """A ``NetworkModel``. Its tensors are ``network.NAME``, and for copies ``copies.N.columns``, ``copies.N.NAME``."""

    model: NetworkModel

    def __init__(self, model: NetworkModel, samples: Samples) -> None:
        super().__init__(model, model.network.features)  # type: ignore[arg-type]
        self.width = samples.target_width
        self.views: list[View] = [getattr(view, "own", view) for view in model.views]  # no guard is part of a graph

    def graph(self) -> nn.Module:
        """Networks side by side, each for the columns that ``predict`` takes from it."""
        if not self.model.copies:
            return Whole(deepcopy(self.model.network), self.views).eval()
        owner = np.full(self.width, -1)
        for number, (columns, _) in enumerate(self.model.copies):  # a later copy overwrites an earlier one
            owner[columns] = number
        weights = {-1: self.model.network.state_dict()} | dict(enumerate(state for _, state in self.model.copies))
        parts = [
            Some(self._with(weights[number]), self.views, np.flatnonzero(owner == number))
            for number in np.unique(owner)
        ]
        return JoinedColumns(parts).eval()

    def tensors(self) -> dict[str, Tensor]:
        named = {f"network.{name}": value for name, value in self.model.network.state_dict().items()}
        for number, (columns, weights) in enumerate(self.model.copies):
            named[f"copies.{number}.columns"] = torch.from_numpy(columns)
            named |= {f"copies.{number}.{name}": value for name, value in weights.items()}
        return named

    def restore(self, blank: Model, samples: Samples, tensors: dict[str, Tensor]) -> Portable:
        assert isinstance(blank, NetworkModel)
        make: Any = blank.network_class
        blank.network = make.for_samples(samples, **blank.options)
        blank.network.load_state_dict(_under("network.", tensors))
        blank.views = self.model.views
        for number in range(len({name.split(".")[1] for name in tensors if name.startswith("copies.")})):
            weights = _under(f"copies.{number}.", tensors)
            blank.copies.append((weights.pop("columns").numpy(), weights))
        return Network(blank, samples)

    def statistics(self) -> dict[str, Tensor]:
        """The network's own buffers of one number, or one a column. Those of its layers are weights like others."""
        return {name: value for name, value in self.model.network.named_buffers(recurse=False) if value.ndim <= 1}

    def input_normalization(self) -> dict[str, Any]:
        """The network's own word, where it has one."""
        network: Any = self.model.network
        return dict(network.input_normalization()) if hasattr(network, "input_normalization") else {}

    def _with(self, weights: State) -> nn.Module:
        network = deepcopy(self.model.network)
        network.load_state_dict(weights)
        return network


class Whole(nn.Module):
    """A network whose output is in the samples' units: the mean over views, where it has some."""

    def __init__(self, network: nn.Module, views: Sequence[View]) -> None:
        super().__init__()
        self.network = network
        self.views = views

    def forward(self, *features: Tensor) -> Tensor:
        """(B, ...) float32."""
        names: Any = self.network.features
        return mean_output(self.network, dict(zip(names, features, strict=True)), "cpu", self.views)


class Some(Whole):
    """Some columns (C,) of what a network predicts."""

    columns: Tensor

    def __init__(self, network: nn.Module, views: Sequence[View], columns: Array) -> None:
        super().__init__(network, views)
        self.register_buffer("columns", torch.from_numpy(columns))

    def forward(self, *features: Tensor) -> Tensor:
        """(B, C) float32."""
        return super().forward(*features).index_select(1, self.columns)


class JoinedColumns(nn.Module):
    """Columns of several networks, in the order of the target."""

    order: Tensor

    def __init__(self, parts: list[Some]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.register_buffer("order", torch.argsort(torch.cat([part.columns for part in parts])))

    def forward(self, *features: Tensor) -> Tensor:
        """(B, T) float32."""
        return torch.cat([part(*features) for part in self.parts], dim=1).index_select(1, self.order)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
