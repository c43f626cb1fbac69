"""Models that the toolkit itself trains: what plugins need of networks, ridge and trees.

Each name is imported when it is first used (PEP 562), for most of them bring Lightning with them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ctk.components.ridge import Ridge, solve_ridge
    from ctk.training.boosted_trees import BoostedTrees, BoostingTask, FittedBooster, TreesTraining, kind_of_target
    from ctk.training.datasets import text_codes, texts_of
    from ctk.training.devices import autocast, torch_device
    from ctk.training.forward import State, mean_output, output, reads_sequences
    from ctk.training.network import NetworkModel, as_model
    from ctk.training.torchrun import current_team
    from ctk.training.tracking import FitLocation, tracker_options
    from ctk.training.validation_tracker import VALID_LOSS

_HOMES = {
    "BoostedTrees": "training.boosted_trees",
    "BoostingTask": "training.boosted_trees",
    "FitLocation": "training.tracking",
    "FittedBooster": "training.boosted_trees",
    "NetworkModel": "training.network",
    "Ridge": "components.ridge",
    "State": "training.forward",
    "TreesTraining": "training.boosted_trees",
    "VALID_LOSS": "training.validation_tracker",
    "as_model": "training.network",
    "autocast": "training.devices",
    "current_team": "training.torchrun",
    "kind_of_target": "training.boosted_trees",
    "mean_output": "training.forward",
    "output": "training.forward",
    "reads_sequences": "training.forward",
    "solve_ridge": "components.ridge",
    "text_codes": "training.datasets",
    "texts_of": "training.datasets",
    "torch_device": "training.devices",
    "tracker_options": "training.tracking",
}
__all__ = [
    "VALID_LOSS",
    "BoostedTrees",
    "BoostingTask",
    "FitLocation",
    "FittedBooster",
    "NetworkModel",
    "Ridge",
    "State",
    "TreesTraining",
    "as_model",
    "autocast",
    "current_team",
    "kind_of_target",
    "mean_output",
    "output",
    "reads_sequences",
    "solve_ridge",
    "text_codes",
    "texts_of",
    "torch_device",
    "tracker_options",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"ctk.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'ctk.training' has no attribute '{name}'")
