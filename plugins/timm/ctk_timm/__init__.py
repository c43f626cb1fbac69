"""Backbones of timm for the networks and features of ctk.

Each name is imported when it is first used (PEP 562): timm takes seconds.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ctk_timm.backbones import Backbone, backbone
    from ctk_timm.choice import BackboneChoice
    from ctk_timm.hub import HubFile
    from ctk_timm.pictures import StackedFrames
    from ctk_timm.region_extractor import RegionExtractor
    from ctk_timm.regions import embed_regions

_HOMES = {
    "Backbone": "backbones",
    "BackboneChoice": "choice",
    "HubFile": "hub",
    "RegionExtractor": "region_extractor",
    "StackedFrames": "pictures",
    "backbone": "backbones",
    "embed_regions": "regions",
}
__all__ = [
    "Backbone",
    "BackboneChoice",
    "HubFile",
    "RegionExtractor",
    "StackedFrames",
    "backbone",
    "embed_regions",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"ctk_timm.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'ctk_timm' has no attribute '{name}'")
