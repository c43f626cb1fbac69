"""The kinds of fitted models that have a graph."""

from __future__ import annotations

from ctk.contract import Model
from ctk.samples import Samples
from ctk.training import NetworkModel, Ridge
from ctk_export.linear import Linear
from ctk_export.network import Network
from ctk_export.portable import Portable


def portable(model: Model, samples: Samples) -> Portable | None:
    """A fitted model as something to export; None for a kind that has no graph: trees, say."""
    if isinstance(model, NetworkModel):
        return Network(model, samples)
    if isinstance(model, Ridge):
        return Linear(model, samples)
    return None
