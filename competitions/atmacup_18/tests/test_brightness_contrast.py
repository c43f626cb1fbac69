"""The published augmentation of the frames."""

from __future__ import annotations

import torch
from torch.testing import assert_close

from ctk_atmacup_18.brightness_contrast import BrightnessContrast


def rows(count: int = 64) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    frames = torch.randint(0, 256, (count, 3, 4, 6, 3), dtype=torch.uint8)
    return {"frames": frames, "vEgo": torch.rand(count)}, torch.rand(count, 18)


def test_some_rows_get_one_factor_and_one_offset_and_the_others_stay():
    features, target = rows()
    before = features["frames"].clone()
    changed, same = BrightnessContrast().apply(features, target, torch.arange(64))
    touched = (changed["frames"] != before).flatten(1).any(1)
    assert 16 < touched.sum() < 48
    assert changed["frames"].dtype == torch.uint8
    for new, old in zip(changed["frames"][touched], before[touched], strict=True):
        inside = (new > 0) & (new < 255)
        x, y = old[inside].double(), new[inside].double()
        line = torch.linalg.lstsq(torch.stack([x, torch.ones_like(x)], 1), y[:, None]).solution.flatten()
        assert_close(line[0] * x + line[1], y, atol=1.1, rtol=0)
        assert abs(line[0] - 1) <= 0.21
        assert abs(line[1]) <= 0.21 * 255
    assert same is target
    assert changed["vEgo"] is features["vEgo"]


def test_the_same_seed_changes_them_alike():
    features, target = rows()
    results = []
    for _ in range(2):
        torch.manual_seed(3)
        results.append(BrightnessContrast().apply(dict(features), target, torch.arange(64))[0]["frames"])
    assert torch.equal(*results)


def test_a_network_without_frames_is_left_alone():
    features, target = {"vEgo": torch.rand(3)}, torch.rand(3, 18)
    assert BrightnessContrast().apply(features, target, torch.arange(3)) == (features, target)
