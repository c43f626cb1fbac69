"""Pictures of a training batch are changed as torchvision does, each row by draws of its own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.testing import assert_close
from torchvision.transforms import v2

from ctk.contract.schema import validate_config
from ctk.errors import UsageError
from ctk.plugins.component_options import options_schema
from ctk.samples import Samples
from ctk_torchvision.pictures import Pictures

UNITS = torch.arange(6)
POLICIES = [{"policy": "light"}, {"policy": "standard"}, {"policy": "randaugment", "magnitude": 12, "num_ops": 3}]


def batch(*shape: int) -> torch.Tensor:
    """The same picture, smooth and lit from one corner, in each of six rows; (6, *shape, 24, 48, 3)."""
    y, x = torch.meshgrid(torch.linspace(0, 1, 24), torch.linspace(0, 1, 48), indexing="ij")
    picture = torch.stack([200 * x, 180 * y + 20, 100 * x * y + 60], -1).to(torch.uint8)
    return picture.expand(6, *shape, 24, 48, 3).clone()


def changed(transform: Pictures, pictures: torch.Tensor, units: torch.Tensor = UNITS, seed: int = 0) -> torch.Tensor:
    torch.manual_seed(seed)
    return transform.apply({"image": pictures}, torch.zeros(len(units), 5), units)[0]["image"]


@pytest.mark.parametrize("options", POLICIES)
@pytest.mark.parametrize("frames", [(), (2,)])
def test_a_policy_changes_rows_apart_and_keeps_their_shape(options, frames):
    pictures = batch(*frames)
    made = changed(Pictures(**options), pictures)
    assert made.shape == pictures.shape
    assert made.dtype == torch.uint8
    assert torch.equal(pictures, batch(*frames))
    assert len({row.numpy().tobytes() for row in made}) >= 2
    assert (made != pictures).flatten(1).any(1).sum() >= 2


@pytest.mark.parametrize("options", POLICIES)
def test_the_same_seed_changes_them_alike_and_another_otherwise(options):
    transform, pictures = Pictures(**options), batch()
    first = changed(transform, pictures)
    assert torch.equal(first, changed(Pictures(**options), pictures))
    assert not torch.equal(first, changed(transform, pictures, seed=1))


@pytest.mark.parametrize("options", POLICIES)
def test_frames_of_a_row_and_rows_of_a_unit_share_their_draws(options):
    made = changed(Pictures(**options), batch(3))
    assert torch.equal(made[:, 0], made[:, 1])
    assert torch.equal(made[:, 0], made[:, 2])
    units = torch.tensor([3, 0, 3, 0, 5, 0])
    made = changed(Pictures(**options), batch(), units)
    assert torch.equal(made[0], made[2])
    assert torch.equal(made[1], made[3])
    assert torch.equal(made[1], made[5])
    several = [changed(Pictures(**options), batch(), units, seed) for seed in range(5)]
    assert any(not torch.equal(each[0], each[1]) for each in several)


def test_light_flips_and_nothing_else():
    picture = batch()[0]
    flipped = [picture, picture.flip(1), picture.flip(0), picture.flip(0, 1)]
    made = torch.cat([changed(Pictures(), batch(), seed=seed) for seed in range(10)])
    which = [next(number for number, each in enumerate(flipped) if torch.equal(row, each)) for row in made]
    assert min(np.bincount(which, minlength=4)) >= 5


def test_ops_are_those_of_torchvision_one_after_another():
    ops = [{"name": "RandomRotation", "degrees": [7, 7]}, {"name": "RandomInvert", "p": 1.0}]
    made = changed(Pictures(ops=ops), batch())
    alone = v2.Compose([v2.RandomRotation((7, 7)), v2.RandomInvert(1.0)])(batch()[0].permute(2, 0, 1))
    assert_close(made[0], alone.permute(1, 2, 0))
    assert (made == made[0]).all()


def test_ops_follow_a_policy_where_both_are_asked_for():
    grey = {"name": "Grayscale", "num_output_channels": 3}
    made = changed(Pictures(policy="light", ops=[grey]), batch())
    alone = v2.Grayscale(3)(changed(Pictures(policy="light"), batch()).permute(0, 3, 1, 2))
    assert torch.equal(made, alone.permute(0, 2, 3, 1))


def test_an_op_changes_rows_by_its_probability():
    transform = Pictures(ops=[{"name": "RandomInvert", "p": 1.0, "probability": 0.3}])
    made = [changed(transform, batch(), seed=seed) for seed in range(20)]
    share = (torch.cat(made)[:, 0, 0, 0] != batch()[0, 0, 0, 0]).float().mean()
    assert 0.2 < share < 0.4


def test_what_comes_out_at_another_size_is_brought_back():
    made = changed(Pictures(ops=[{"name": "CenterCrop", "size": [12, 24]}]), batch())
    assert made.shape == batch().shape
    middle = batch()[0, 6:18, 12:36].float().mean((0, 1))
    assert_close(made[0].float().mean((0, 1)), middle, atol=1.5, rtol=0)


def test_words_of_an_enumeration_are_taken():
    made = changed(Pictures(ops=[{"name": "AutoAugment", "policy": "svhn"}]), batch())
    assert made.shape == batch().shape


def test_other_features_and_networks_without_pictures_are_left_alone():
    features, target = {"ndvi": torch.rand(6)}, torch.rand(6, 5)
    assert Pictures().apply(features, target, UNITS) == (features, target)
    made, same = Pictures().apply({**features, "image": batch()}, target, UNITS)
    assert made["ndvi"] is features["ndvi"]
    assert same is target


def test_a_crop_larger_than_the_pictures_is_refused_with_their_size():
    with pytest.raises(UsageError, match="RandomCrop fails on pictures of 24 x 48 pixels"):
        changed(Pictures(ops=[{"name": "RandomCrop", "size": 100}]), batch())


def test_samples_without_such_pictures_are_refused():
    features = {"image": np.zeros((4, 8, 8, 3), np.uint8), "ndvi": np.zeros(4, np.float32)}
    samples = Samples(ids=np.arange(4), features=features)
    assert Pictures.for_samples(samples, policy="light").feature == "image"
    with pytest.raises(UsageError, match="no feature 'imgae'") as error:
        Pictures.for_samples(samples, feature="imgae")
    assert error.value.help == "Did you mean 'image'?"
    with pytest.raises(UsageError, match=r"'ndvi' is float32 \(4,\)"):
        Pictures.for_samples(samples, feature="ndvi")


@pytest.mark.parametrize(
    ("op", "problem"),
    [
        ("ColorJiter", "no such transform. Did you mean 'ColorJitter'?"),
        ("Transform", "no such transform"),
        ({"name": "ColorJitter", "brigthness": 0.2}, "unknown key 'brigthness'.\nDid you mean 'brightness'?"),
        ({"name": "ColorJitter", "brightness": -1}, "it cannot be used so: If brightness"),
        ({"name": "RandomRotation"}, "missing 1 required positional argument: 'degrees'"),
        ({"name": "RandomInvert", "probability": 2}, "probability"),
        ({"name": "FiveCrop", "size": 8}, "it makes a tuple of a picture"),
        ({"name": "Grayscale", "num_output_channels": 1}, "it makes torch.uint8 (1, 1, 96, 192) of a picture"),
    ],
)
def test_a_wrong_op_is_told_when_the_config_is_checked(op, problem):
    with pytest.raises(UsageError) as error:
        validate_config(options_schema(Pictures, "pictures"), {"ops": [op]}, "members.0.transforms.0")
    assert problem in str(error.value)
    assert "members.0.transforms.0.ops.0" in str(error.value)
