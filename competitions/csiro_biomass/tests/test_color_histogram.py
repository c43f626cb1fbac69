"""Colours are counted by hue, saturation and value."""

import colorsys

import numpy as np
import pytest

from ctk.errors import UsageError
from ctk.samples import Samples
from ctk_csiro_biomass.color_histogram import ColorHistogram, color_shares


def test_shares_are_of_the_bins_that_a_plain_count_finds():
    picture = np.random.default_rng(0).integers(0, 256, (9, 7, 3)).astype(np.uint8)
    counted = np.zeros((6, 2, 4))
    for red, green, blue in picture.reshape(-1, 3) / 255.0:
        hue, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
        at = [int(int(part * 255) * bins / 256) for part, bins in zip((hue, saturation, value), (6, 2, 4), strict=True)]
        counted[tuple(at)] += 1
    np.testing.assert_allclose(color_shares(picture, (6, 2, 4)), counted.ravel() / 63, atol=2 / 63)


def test_green_is_not_brown():
    pictures = np.array([[[[30, 160, 30]]], [[[150, 110, 50]]]], np.uint8)
    shares = ColorHistogram(hue=6).extract(Samples(np.arange(2), {"image": pictures}), lambda done, total: None)[""]
    assert shares.shape == (2, 54)
    assert shares.sum(axis=1).tolist() == [1, 1]
    assert shares.argmax(axis=1)[0] != shares.argmax(axis=1)[1]


def test_a_feature_that_is_not_there_is_named():
    with pytest.raises(UsageError, match="reads the feature 'photo'"):
        ColorHistogram(pictures="photo").extract(Samples(np.arange(2), {}), lambda done, total: None)
