"""Presets of pasture-net: their names are timm's, their patterns fit, and what is small or frozen is the backbone."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import pytest
import timm
import torch

from ctk.contract import presets_in
from ctk.samples import Samples, Targets
from ctk_csiro_biomass.columns import TARGETS
from ctk_csiro_biomass.networks.pasture_net import PastureNet

PRESETS = {
    name: member
    for name, preset in presets_in("ctk_csiro_biomass").items()
    for member in preset.get("members", [])[:1]
    if isinstance(member["model"], dict) and isinstance(member["model"].get("backbone"), dict)
}
SIZES = {name: preset.get("data", {}).get("size") for name, preset in presets_in("ctk_csiro_biomass").items()}


def network(name: str) -> PastureNet:
    """A preset's network for one picture of its size, without memory for weights."""
    options: dict[str, Any] = {key: value for key, value in PRESETS[name]["model"].items() if key != "name"}
    features = {"image": np.zeros((1, *SIZES[name], 3), np.uint8), **dict.fromkeys(("ndvi", "height"), np.ones(1))}
    targets = Targets(np.array(TARGETS), np.array(TARGETS))
    samples = Samples(np.arange(1), features, np.ones((1, 5), np.float32), targets=targets)
    with torch.device("meta"):
        return PastureNet(samples, **options)


def test_every_backbone_that_was_asked_for_has_a_preset():
    backbones = {member["model"]["backbone"]["name"].partition(".")[0] for member in PRESETS.values()}
    wanted = {"resnet18", "resnet34", "efficientnet_b0", "efficientnet_b3", "convnext_tiny"}
    assert wanted <= backbones
    assert sum("dinov3" in name for name in backbones) == 3


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_names_weights_of_timm_and_parts_of_its_network_and_keeps_half_of_a_vit(name):
    member = PRESETS[name]
    assert member["model"]["backbone"]["name"] in timm.list_pretrained()
    made = network(name)
    names = [each for each, _ in made.named_parameters()]
    for pattern in member.get("trainable", []):
        assert any(fnmatchcase(each, pattern) for each in names), pattern
    for part in member["optimizer"].get("lr_by_part", {}):
        assert hasattr(made, part)
    if name.startswith("dinov3"):
        trained = {
            int(each.split(".")[3])
            for each in names
            if each.startswith("backbone.model.blocks.") and any(fnmatchcase(each, one) for one in member["trainable"])
        }
        blocks = len(made.backbone.model.blocks)
        assert trained == set(range(blocks // 2, blocks))
