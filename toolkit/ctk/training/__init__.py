"""Models that the toolkit itself trains: what exporters, encoders and trackers need of networks and ridge regression.

Each name is imported when it is first used (PEP 562), for most of them bring Lightning with them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ctk.components.ridge import Ridge, solve_ridge
    from ctk.training.devices import torch_device
    from ctk.training.loggers import FitLocation, tracker_options
    from ctk.training.loop import VALID_LOSS, State, output
    from ctk.training.network import NetworkModel, as_model

_HOMES = {
    "NetworkModel": "training.network",
    "FitLocation": "training.loggers",
    "Ridge": "components.ridge",
    "State": "training.loop",
    "VALID_LOSS": "training.loop",
    "as_model": "training.network",
    "output": "training.loop",
    "solve_ridge": "components.ridge",
    "torch_device": "training.devices",
    "tracker_options": "training.loggers",
}
__all__ = [
    "VALID_LOSS",
    "FitLocation",
    "NetworkModel",
    "Ridge",
    "State",
    "as_model",
    "output",
    "solve_ridge",
    "torch_device",
    "tracker_options",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"ctk.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'ctk.training' has no attribute '{name}'")
