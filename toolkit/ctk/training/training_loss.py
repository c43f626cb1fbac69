"""The loss that a network has of its own: ``training_loss``, in the place of its ``forward`` and a member's loss."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ctk.config.training_keys import Training
from ctk.contract import Batch
from ctk.errors import UsageError
from ctk.plugins.guard import ContractViolation
from ctk.samples import Samples

OWN = "own"
"""The name in configs of ``ctk.components.own_loss``."""


def has_own_loss(network: nn.Module) -> bool:
    """Whether a network has a loss of its own."""
    return callable(getattr(network, "training_loss", None))


def check_loss_of(network: nn.Module, phase: Training, samples: Samples) -> None:
    """Raise UsageError for a loss that does not fit the network or samples, and for what text cannot have."""
    name, by = type(network).__name__, phase.valid_loss
    asked = {"loss": phase.loss.name} | ({} if isinstance(by, bool) else {"valid_loss": by.name})
    for key, loss in asked.items():
        if loss == OWN and not has_own_loss(network):
            raise UsageError(
                f"Config key '{key}' is own, and the network {name} has no training_loss of its own.",
                "Name a loss: loss: mse.",
            )
    if phase.loss.name != OWN and has_own_loss(network):
        raise UsageError(
            f"Config key 'loss' is {phase.loss.name}, and the network {name} is trained by a loss of its own.",
            "Write loss: own.",
        )
    if not samples.predicts_text:
        return
    if strange := next((key for key, loss in asked.items() if loss != OWN), None):
        raise UsageError(
            f"Config key '{strange}' is {asked[strange]}, which compares numbers, and the target is text.",
            "Take a model that generates text, with loss: own.",
        )
    if phase.tta:
        raise UsageError(
            "Config key 'tta': looks have a mean, and the target is text, which has none.", "Leave it out."
        )


def own_loss(network: Any, batch: Batch) -> Tensor:
    """Ask a network for the loss of a batch. Raises ContractViolation for anything but one number with a gradient."""
    loss: Any = network.training_loss(batch)
    if not isinstance(loss, Tensor) or loss.ndim:
        found = f"shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
        raise ContractViolation(f"gave as its training loss a {found}, and a tensor of one number is needed")
    return loss
