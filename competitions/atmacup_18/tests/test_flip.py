"""A mirrored row is a row that could have been: what turned left turns right, and nothing else changes."""

import numpy as np
import pytest
import torch

from ctk.errors import UsageError
from ctk_atmacup_18.columns import AXIS, LIGHTS
from ctk_atmacup_18.flip import Flip

UNITS = torch.arange(40)


@pytest.fixture(scope="module")
def batch():
    torch.manual_seed(0)
    features = {
        name: torch.randn(40) for name in ("vEgo", "steeringAngleDeg", "steeringTorque", "leftBlinker", "rightBlinker")
    }
    features["frames"] = torch.randint(0, 255, (40, 3, 4, 8, 3), dtype=torch.uint8)
    features["oof/nn1/seed-1"] = torch.randn(40, 18)
    light = torch.tensor([LIGHTS.index("left"), 1.0, 2.0, 3.0, 4.0])
    features["lights"] = torch.stack([light, torch.full((5,), torch.nan)]).repeat(40, 1, 1)
    return features, torch.randn(40, 18)


def test_mirrors_frames_y_steering_blinkers_lights_and_predicted_paths(batch):
    features, target = batch
    mirrored, path = Flip(probability=1).apply(features, target, UNITS)
    y = torch.from_numpy(AXIS == "y")
    assert (mirrored["frames"] == features["frames"].flip(3)).all()
    for name in ("steeringAngleDeg", "steeringTorque"):
        assert (mirrored[name] == -features[name]).all()
    assert (mirrored["leftBlinker"] == features["rightBlinker"]).all()
    assert (mirrored["rightBlinker"] == features["leftBlinker"]).all()
    assert (mirrored["vEgo"] == features["vEgo"]).all()
    for new, old in ((path, target), (mirrored["oof/nn1/seed-1"], features["oof/nn1/seed-1"])):
        assert (new[:, y] == -old[:, y]).all()
        assert (new[:, ~y] == old[:, ~y]).all()
    assert mirrored["lights"][0, 0].tolist() == [LIGHTS.index("right"), 5, 2, 7, 4]
    assert mirrored["lights"][0, 1].isnan().all()


def test_twice_in_the_mirror_is_as_before(batch):
    features, target = batch
    flip = Flip(probability=1)
    again, path = flip.apply(*flip.apply(features, target, UNITS), UNITS)
    assert (path == target).all()
    for name, values in features.items():
        np.testing.assert_array_equal(again[name].numpy(), values.numpy())


def test_rows_of_a_unit_are_mirrored_together_and_about_half_of_the_units(batch):
    features, target = batch
    units = UNITS // 2
    torch.manual_seed(1)
    _, path = Flip().apply(features, target, units)
    turned = (path != target).any(dim=1)
    assert (turned[::2] == turned[1::2]).all()
    assert 4 <= int(turned[::2].sum()) <= 16


def test_a_feature_that_is_not_known_in_the_mirror_is_refused(batch):
    features, target = batch
    with pytest.raises(UsageError, match="'scene/vEgo' is in the mirror"):
        Flip().apply({**features, "scene/vEgo": torch.zeros(40)}, target, UNITS)
