"""Calling a network on samples: its inputs, its output in the samples' units, its weights on the CPU."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ctk.samples import Array, Samples
from ctk.training.datasets import PREDICT_ROWS, FeaturesDataset, SequentialSlices

State = dict[str, Tensor]
"""Weights and buffers of a network, by name."""


def inputs(network: nn.Module, features: Mapping[str, Tensor], device: Any) -> list[Tensor]:
    """List the features that a network reads, in its order, on its device."""
    return [features[name].to(device) for name in network.features]  # type: ignore[union-attr]


def output(network: nn.Module, features: Mapping[str, Tensor], device: Any) -> Tensor:
    """Predict in the samples' units: (B, D) float32."""
    return unscale(network, network(*inputs(network, features, device)))


def unscale(network: nn.Module, prediction: Tensor) -> Tensor:
    """Bring what a network gave into the samples' units, float32."""
    return (network.unscale(prediction) if hasattr(network, "unscale") else prediction).float()  # type: ignore[operator]


def copy_state(network: nn.Module) -> State:
    """Copy a network's weights to the CPU."""
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}


@torch.inference_mode()
def predict_blocks(
    network: nn.Module, samples: Samples, device: torch.device, at_once: int = PREDICT_ROWS
) -> Iterator[tuple[slice, Array]]:
    """Predict in the samples' units, some rows at a time: (rows, (B, D) float32)."""
    network.to(device).eval()
    features = FeaturesDataset(samples, network.features)  # type: ignore[arg-type]
    for rows in SequentialSlices(len(samples), at_once=at_once):
        yield rows, output(network, features[rows], device).cpu().numpy()
