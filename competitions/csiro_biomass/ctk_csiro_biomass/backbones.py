"""Backbones of timm that have a preset of their own: ``reference`` with another network that looks at the picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BACKBONES = {
    "resnet18": "resnet18.a1_in1k",
    "resnet34": "resnet34.a1_in1k",
    "efficientnet_b0": "efficientnet_b0.ra_in1k",
    "efficientnet_b3": "efficientnet_b3.ra2_in1k",
    "convnext_tiny": "convnext_tiny.fb_in22k_ft_in1k",
    "dinov3_small": "vit_small_patch16_dinov3.lvd1689m",
    "dinov3_base": "vit_base_patch16_dinov3.lvd1689m",
    "dinov3_large": "vit_large_patch16_dinov3.lvd1689m",
}
"""By preset, the model of timm and its weights."""


def with_backbones(reference: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Copy a config for each backbone, which its pasture-nets then have."""
    return {
        preset: {**reference, "members": [_with_backbone(member, name) for member in reference["members"]]}
        for preset, name in BACKBONES.items()
    }


def _with_backbone(member: Mapping[str, Any], name: str) -> dict[str, Any]:
    model = member["model"]
    if model["name"] != "pasture-net":
        return dict(member)
    return {**member, "model": {**model, "backbone": {"name": name, "pretrained": True}}}
