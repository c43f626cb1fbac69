"""The memory that a fit of a network takes, told before it starts by a forward pass of a few rows."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ctk.config.training_keys import Training
from ctk.samples import Samples
from ctk.training.datasets import FeaturesDataset, SamplesDataset
from ctk.training.devices import precision_on
from ctk.training.forward import call_network, features_trained, reads_sequences
from ctk.training.sequences import Sequences
from ctk.training.training_loss import has_own_loss, own_loss

FEW = 2
"""Rows of the smaller of two forward passes; what a further row takes is the difference."""


def fit_bytes(network: nn.Module, samples: Samples, training: Training, device: torch.device) -> int | None:
    """Tell how many bytes a fit with full batches takes at most, about; None where it cannot be told without a GPU.

    It adds up weights, gradients, the optimiser's two averages, the best weights, those that are averaged, and what a
    forward pass keeps for the backward pass: halved where training is in half precision. Of LSTMs on a CPU that is what
    is set aside, of which two thirds are used.
    """
    rows = min(len(samples), max(phase.batch.size for phase in training.phases()))
    try:
        sequences = Sequences.of(samples, training.phases()[-1].batch) if reads_sequences(network) else None
        few, more = (_kept_for_backward(network.train(), samples, count, sequences) for count in (FEW, 2 * FEW))
    except Exception:  # networks of plugins may want what there is in a fit alone, such as a GPU's kernels
        return None
    saved = network.state_dict().keys()  # a network may leave out frozen weights, of which there is one copy then
    half = precision_on(device, training.precision) != "32-true"
    batch = (few + (more - few) / FEW * (rows - FEW)) / (2 if half else 1)
    weights, kept = (
        sum(each.numel() * each.element_size() for each in tensors)
        for tensors in (network.parameters(), (each for name, each in network.named_parameters() if name in saved))
    )
    more = max(bool(phase.ema) + bool(phase.swa) + (phase.snapshots or 0) for phase in training.phases())
    return int(batch + weights + kept * (4 + more))


def _kept_for_backward(network: nn.Module, samples: Samples, rows: int, sequences: Sequences | None) -> int:
    """Count the bytes of the tensors that a forward pass of some rows keeps, each storage once, without weights."""
    weights = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    names: Any = network.features
    given = torch.arange(rows) % len(samples)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        if has_own_loss(network):
            own_loss(network, SamplesDataset(samples, features_trained(network), sequences)[given])
        else:
            call_network(network, FeaturesDataset(samples, names, sequences)[given], "cpu")
    return sum(kept.values())
