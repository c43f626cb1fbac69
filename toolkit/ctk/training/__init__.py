"""Training networks: what the ``fit`` of a model that is a torch module does, for exporters, trackers and encoders.

Each name is imported when it is first used (PEP 562), for most of them bring Lightning with them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ctk.training.devices import torch_device
    from ctk.training.forward import State, output
    from ctk.training.network import NetworkModel
    from ctk.training.torchrun import current_team
    from ctk.training.tracking import FitLocation, tracker_options

__all__ = ["FitLocation", "NetworkModel", "State", "current_team", "output", "torch_device", "tracker_options"]

_HOMES = {
    "NetworkModel": "network",
    "FitLocation": "tracking",
    "State": "forward",
    "current_team": "torchrun",
    "output": "forward",
    "torch_device": "devices",
    "tracker_options": "tracking",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"ctk.training.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'ctk.training' has no attribute '{name}'")
