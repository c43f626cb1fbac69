"""What a loss returned, looked at in every step: nothing that makes the processor wait for a GPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ctk.plugins.guard.guard import Wrong


def scalar(loss: Any) -> Tensor:
    """The loss, if it is one number, with a gradient where one is taken. Raises Wrong."""
    if not isinstance(loss, Tensor):
        raise Wrong(f"gave a {type(loss).__name__}, and a tensor of one number is needed")
    if loss.ndim:
        raise Wrong(f"gave a tensor of shape {tuple(loss.shape)}, and one number is needed", "Take its mean.")
    if torch.is_grad_enabled() and not loss.requires_grad:
        raise Wrong(
            "gave a number without a gradient",
            "It is made of torch operations on the prediction, not of .item() or .detach().",
        )
    return loss
