"""Weights averaged: of the best validated epochs, or of the last ones; and batch norms that fit them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import lightning.pytorch as L
import torch
from lightning.pytorch.callbacks import Callback, EMAWeightAveraging
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ctk.merit import merit
from ctk.training import torchrun
from ctk.training.forward import State, copy_state, evaluating


def add_to_mean(mean: State, state: State, count: int) -> None:
    """Make ``mean``, in place, that of ``count`` states and one more; what is no floating number becomes the new one's.

    What is the same in all of them stays so to the last bit.
    """
    for name, value in state.items():
        if value.is_floating_point():
            mean[name] += (value - mean[name]) / (count + 1)
        else:
            mean[name] = value.clone()


def mean_of(states: Sequence[State]) -> State:
    """The mean of weights, in their order."""
    mean: State = {name: value.clone() for name, value in states[0].items()}
    for count, state in enumerate(states[1:], start=1):
        add_to_mean(mean, state, count)
    return mean


@dataclass
class Snapshots:
    """The weights of the ``wanted`` best validations, best first, each with its score; the first rank has them."""

    wanted: int
    best: list[tuple[float, State]] = field(default_factory=list)

    def offer(self, network: nn.Module, score: float, sign: int) -> None:
        """Keep the weights if their score is finite and among the best; ``sign`` is that of the metric."""
        worst = self.best[-1][0] if len(self.best) == self.wanted else math.nan
        if not math.isfinite(score) or merit(score, sign) <= merit(worst, sign):
            return
        self.best.append((score, copy_state(network) if torchrun.is_first_rank() else {}))
        self.best.sort(key=lambda each: merit(each[0], sign), reverse=True)  # of equal ones the earlier stays
        del self.best[self.wanted :]


class StochasticAverage(Callback):
    """The mean of the weights at the end of each epoch from one on: stochastic weight averaging.

    Izmailov et al. 2018, Averaging Weights Leads to Wider Optima and Better Generalization (arXiv:1803.05407),
    algorithm 1 with one model an epoch. It is part of the checkpoint. Its ``mean`` is empty before that epoch.

    first  the epoch, counted from 0; a fit with fewer takes its last
    """

    def __init__(self, first: int) -> None:
        self.first = first
        self.count = 0
        self.mean: State = {}

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        parts: Any = module.parts
        epoch, part = divmod(trainer.current_epoch, parts)
        assert trainer.max_epochs is not None
        if part < parts - 1 or epoch < min(self.first, trainer.max_epochs // parts - 1):
            return
        if torchrun.is_first_rank():
            network: Any = module.network
            state = copy_state(network)
            self.mean = self.mean or state
            add_to_mean(self.mean, state, self.count)
        self.count += 1

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count, "mean": self.mean}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.count, self.mean = state["count"], state["mean"]


class MovingAverage(EMAWeightAveraging):
    """An exponential moving average of the weights that a network's state has; frozen ones that it leaves out stay."""

    def __init__(self, decay: float) -> None:
        super().__init__(decay=decay)
        average = self._kwargs["avg_fn"]
        self.left_out: set[int] = set()

        def average_saved(mean: Tensor, value: Tensor, count: Tensor) -> Tensor:
            # A mean of the same numbers is not the same number: it is rounded each time.
            return mean if mean.data_ptr() in self.left_out else average(mean, value, count)

        self._kwargs["avg_fn"] = average_saved

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        super().setup(trainer, pl_module, stage)
        assert self._average_model is not None
        saved = pl_module.state_dict().keys()
        module = self._average_model.module
        named = [*module.named_parameters(), *module.named_buffers()]
        self.left_out = {each.data_ptr() for name, each in named if name not in saved and each.numel()}

    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Read the average by the module's own method, which knows what a network leaves out."""
        assert self._average_model is not None
        self._average_model.module.load_state_dict(checkpoint["state_dict"])
        self._average_model.n_averaged.copy_(checkpoint["averaging_state"]["n_averaged"])
        pl_module.load_state_dict(checkpoint["current_model_state"])


def trained_norms(network: nn.Module) -> list[str]:
    """Name the batch norms that are in training mode and keep averages: those that a fit changes."""
    return [
        name
        for name, each in network.named_modules()
        if isinstance(each, _BatchNorm) and each.training and each.track_running_stats
    ]


@torch.no_grad()
def renew_norms(network: nn.Module, norms: Sequence[str], see: Callable[[Any], Tensor], batches: Iterable[Any]) -> None:
    """Make batch norms' means and variances anew, those of some batches, of which each counts alike.

    Everything else is in evaluation mode, as when a network predicts: no unit is dropped. ``see`` calls the network.
    """
    layers: list[Any] = [network.get_submodule(name) for name in norms]
    momenta = [layer.momentum for layer in layers]
    with evaluating(network):
        for layer in layers:
            layer.reset_running_stats()
            layer.momentum = None  # torch then takes the plain mean over batches
            layer.train()
        for batch in batches:
            see(batch)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
