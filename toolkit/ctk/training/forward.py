"""Calling a network on samples: its inputs, its output in the samples' units, its weights on the CPU."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ctk.contract import View
from ctk.plugins.guard import ContractViolation
from ctk.samples import Array, Samples
from ctk.training.datasets import PREDICT_ROWS, FeaturesDataset, SequentialSlices, rows_at_once, texts_of
from ctk.training.sequences import MASK, Sequences, pad, places

State = dict[str, Tensor]
"""Weights and buffers of a network, by name."""


def call_network(network: nn.Module, features: Mapping[str, Tensor], device: Any) -> Tensor:
    """Call a network with the features that it reads, (B, ...) each, on its device; returns a row for each row.

    One that reads sequences is given them padded, by the mask among the features.
    """
    names: Any = network.features
    given = {name: features[name].to(device) for name in names}
    mask = given.get(MASK)
    if mask is None:
        prediction: Tensor = network(*given.values())
        return prediction
    rows = next(len(values) for name, values in given.items() if name != MASK)
    made: Tensor = network(*(values if name == MASK else pad(values, mask) for name, values in given.items()))
    if made.shape[:2] != mask.shape or made.ndim < 3:
        wanted = f"({', '.join(map(str, mask.shape))}, D)"
        raise ContractViolation(f"made of sequences a tensor of shape {tuple(made.shape)}, and {wanted} is needed")
    return made.flatten(0, 1)[places(mask, rows)]


def reads_sequences(network: nn.Module) -> bool:
    """Whether a network is given whole sequences and their mask."""
    names: Any = network.features
    return MASK in names


def features_trained(network: nn.Module) -> list[str]:
    """Name what a network reads, and then what its ``auxiliary_loss`` reads of training batches alone."""
    names: Any = network.features
    return list(dict.fromkeys([*names, *getattr(network, "auxiliary_features", ())]))


def output(network: nn.Module, features: Mapping[str, Tensor], device: Any) -> Tensor:
    """Predict in the samples' units: (B, D) float32."""
    return unscale(network, call_network(network, features, device))


def mean_output(network: nn.Module, features: Mapping[str, Tensor], device: Any, views: Sequence[View]) -> Tensor:
    """Predict in the samples' units, (B, D) float32: the mean of the plain look and all of some views."""
    names: Any = network.features
    rows = {name: features[name].to(device) for name in names}  # once for all looks
    made, looks = output(network, rows, device), 1
    mask = {MASK: rows.pop(MASK)} if MASK in rows else {}
    for view in views:
        for number in range(view.count()):
            seen = view.look(dict(rows), number)
            made, looks = made + view.undo(output(network, {**seen, **mask}, device), number), looks + 1
    return made if looks == 1 and predicts_text(network) else made / looks


def predicts_text(network: nn.Module) -> bool:
    """Whether what a network returns are the code points of texts; its model says so of one made for such samples."""
    return bool(getattr(network, "predicts_text", False))


def as_predicted(network: nn.Module, made: Tensor) -> Array:
    """Turn what a network gave for some rows into predictions: numbers (B, D), or text (B,).

    Raises ContractViolation where it should be text and is no tensor of code points.
    """
    if not predicts_text(network):
        found: Array = made.cpu().numpy()
        return found
    if made.dtype != torch.int32 or made.ndim != 2:
        told = f"returned a tensor of {str(made.dtype).removeprefix('torch.')} of shape {tuple(made.shape)}"
        raise ContractViolation(f"{told} for a target that is text; code points, int32 of shape (B, W), are needed")
    return texts_of(made.cpu().numpy())


def put_rows(whole: Array | None, count: int, rows: slice | Array, part: Array) -> Array:
    """Write predictions for some rows into those of all ``count``, made with the first part; text grows as it must."""
    text = part.dtype.kind == "U"
    if whole is None:
        whole = np.empty((count, *part.shape[1:]), part.dtype if text else np.float32)
    elif text and part.itemsize > whole.itemsize:
        whole = whole.astype(part.dtype)
    whole[rows] = part
    return whole


def unscale(network: nn.Module, prediction: Tensor) -> Tensor:
    """Bring what a network gave into the samples' units, float32; code points of text stay as they are."""
    if predicts_text(network):
        return prediction
    return (network.unscale(prediction) if hasattr(network, "unscale") else prediction).float()  # type: ignore[operator]


def copy_state(network: nn.Module) -> State:
    """Copy a network's weights to the CPU."""
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}


def put_columns(whole: Array, rows: slice | Array, part: Array, columns: Array | None) -> None:
    """Write predictions (B, D) into some rows of all, or of them some columns alone, (C,) int64."""
    if columns is None:
        whole[rows] = part
    else:
        whole[rows if isinstance(rows, slice) else rows[:, None], columns] = part[:, columns]


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Put a network into evaluation mode for the block; each of its modules is then in the mode that it was in."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


@torch.inference_mode()
def predict_blocks(
    network: nn.Module,
    samples: Samples,
    device: torch.device,
    at_once: int = PREDICT_ROWS,
    sequences: Sequences | None = None,
    views: Sequence[View] = (),
) -> Iterator[tuple[slice | Array, Array]]:
    """Predict in the samples' units, some rows at a time: (rows, (B, D) float32), or text (B,).

    Rows are read once for all views. The network's modes are as before at the end.
    """
    names: Any = network.features
    features = FeaturesDataset(samples, names, sequences)
    at_once = min(at_once, rows_at_once(samples, names))
    with evaluating(network):
        network.to(device)
        for part in SequentialSlices(len(samples), at_once=at_once, sequences=sequences):
            rows = part if sequences is None else sequences.rows[part]
            yield rows, as_predicted(network, mean_output(network, features[part], device, views))
