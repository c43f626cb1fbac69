"""Features of pictures by region."""

from __future__ import annotations

import numpy as np
import pytest
import timm
import torch
from numpy.testing import assert_allclose

from ctk.errors import UsageError
from ctk.samples import Samples
from ctk.training import autocast
from ctk_timm import StackedFrames, embed_regions
from ctk_timm.extractor import TimmRegions


def pictures(count: int = 5, frames: int = 3, height: int = 64, width: int = 128) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, frames, height, width, 3), dtype=np.uint8)


def samples(values: np.ndarray, name: str = "frames") -> Samples:
    return Samples(ids=np.arange(len(values)), features={name: values})


def coarse(network_input: torch.Tensor) -> torch.Tensor:
    """A feature map that is easily known: the picture itself in squares of 8, and its square."""
    small = torch.nn.functional.avg_pool2d(network_input, 8)
    return torch.cat([small, small**2], dim=1)


def test_regions_are_means_of_the_newest_frames_map_and_similarities_their_cosines():
    frames = pictures()
    found = embed_regions(frames, coarse, normalise=StackedFrames((0.5,) * 3, (0.25,) * 3), grid=(2, 4), batch=2)
    x = torch.from_numpy(frames).flatten(0, 1).permute(0, 3, 1, 2).float() / 255
    maps = coarse((x - 0.5) / 0.25).unflatten(0, (5, 3)).numpy()  # (5, 3, 6, 8, 16)
    region = {(r, c): maps[..., 4 * r : 4 * r + 4, 4 * c : 4 * c + 4].mean((-1, -2)) for r in (0, 1) for c in range(4)}
    for (r, c), each in region.items():
        assert_allclose(found[f"region-{r}-{c}"], each[:, 2], atol=1e-5)
    a, b = region[1, 2][:, 0], region[1, 2][:, 2]
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert_allclose(found["similarity-0-2"][:, 6], cosine, atol=1e-5)
    assert found.keys() == {
        *(f"region-{r}-{c}" for r, c in region),
        *(f"similarity-{p}" for p in ("0-1", "0-2", "1-2")),
    }


def test_the_extractor_embeds_by_the_backbones_map(tmp_path):
    torch.manual_seed(1)
    model = timm.create_model("test_resnet").eval()
    torch.save(model.state_dict(), tmp_path / "tiny.pt")
    extractor = TimmRegions(backbone={"name": "test_resnet", "checkpoint": str(tmp_path / "tiny.pt")}, grid=(1, 1))
    done: list[tuple[int, int]] = []
    found = extractor.extract(samples(pictures()), lambda *told: done.append(told))
    x = torch.from_numpy(pictures()[:, -1]).permute(0, 3, 1, 2) / 255
    mean, std = (torch.tensor(model.pretrained_cfg[each])[:, None, None] for each in ("mean", "std"))
    with torch.inference_mode(), autocast(torch.device("cpu"), "auto"):  # bfloat16 where that is faster
        expected = model.forward_features((x - mean) / std).float().mean((2, 3))
    assert_allclose(found["region-0-0"], expected.numpy(), rtol=0.02, atol=0.02)
    assert done[-1] == (5, 5)


def test_pictures_of_one_frame_have_no_similarities():
    extractor = TimmRegions(backbone="test_resnet", pictures="photo")
    found = extractor.extract(samples(pictures()[:, 0], "photo"), lambda *told: None)
    assert found.keys() == {f"region-{r}-{c}" for r in (0, 1) for c in range(4)}


def test_a_backbone_without_weights_is_the_same_for_every_set():
    one, other = (
        TimmRegions(backbone="test_resnet").extract(samples(pictures()), lambda *told: None) for _ in range(2)
    )
    assert all(np.array_equal(values, other[name]) for name, values in one.items())


def test_it_brings_pictures_to_a_size():
    found = TimmRegions(backbone="test_vit", size=(96, 96)).extract(samples(pictures(2)), lambda *told: None)
    assert found["region-1-3"].shape == (2, 64)


@pytest.mark.parametrize(
    ("feature", "match"),
    [("frame", r"no feature 'frame'.\nFeatures with pictures: frames"), ("speed", r"'speed' is \(\) float32 a sample")],
)
def test_a_feature_without_pictures_is_refused(feature, match):
    given = Samples(ids=np.arange(2), features={"frames": pictures(2), "speed": np.zeros(2, np.float32)})
    with pytest.raises(UsageError, match=match):
        TimmRegions(backbone="test_resnet", pictures=feature).extract(given, lambda *told: None)
