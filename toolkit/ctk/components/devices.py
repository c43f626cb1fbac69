"""Where torch computes: one word in a config, one device in torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctk.errors import UsageError

if TYPE_CHECKING:
    import torch


def torch_device(wanted: str) -> torch.device:
    """The torch device of a run's ``device``: auto, cpu or gpu. Raises UsageError for a GPU that torch does not see."""
    import torch

    if wanted not in ("auto", "cpu", "gpu"):
        raise UsageError(f"There is no device '{wanted}'.", "Use auto, cpu or gpu.")
    if wanted == "gpu" and not torch.cuda.is_available():
        raise UsageError("device is 'gpu', but torch sees none.", "Use cpu, or see `ctk doctor`.")
    return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")
