"""The device that torch computes on, and in which precision."""

from __future__ import annotations

from typing import Any

import torch

from ctk.config.training_keys import Precision
from ctk.errors import UsageError
from ctk.machine import processor_flags


def torch_device(wanted: str) -> torch.device:
    """Choose the torch device for a run's ``device``: auto, cpu or gpu.

    Raises UsageError for a GPU that torch does not see.
    """
    if wanted not in ("auto", "cpu", "gpu"):
        raise UsageError(f"There is no device '{wanted}'.", "Use auto, cpu or gpu.")
    if wanted == "gpu" and not torch.cuda.is_available():
        raise UsageError("device is 'gpu', but torch sees none.", "Use cpu, or see `ctk doctor`.")
    return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")


def precision_on(device: torch.device, wanted: Precision) -> Any:
    """Name a precision as Lightning does; "auto" is bf16-mixed on what computes faster in it, else 32-true.

    That are GPUs that have it, and processors that multiply matrices in it (AMX).
    """
    if wanted != "auto":
        return wanted
    on_gpu = device.type == "cuda"
    able = torch.cuda.is_bf16_supported(including_emulation=False) if on_gpu else "amx_bf16" in processor_flags()
    return "bf16-mixed" if able else "32-true"


def autocast(device: torch.device, wanted: Precision) -> torch.autocast:
    """Make a context in which torch computes as Lightning does with this precision."""
    types = {"32-true": torch.float32, "bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}
    precision = precision_on(device, wanted)
    return torch.autocast(device.type, types[precision], enabled=precision != "32-true")
