"""Features side by side: columns of their own names, text as categories, missing values as they are."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ctk.data import FeatureTable
from ctk.errors import DataError, UsageError
from ctk.samples import Samples, Targets


def samples(**features) -> Samples:
    rows = len(next(iter(features.values())))
    return Samples(np.arange(rows) + 100, {name: np.asarray(each) for name, each in features.items()})


FOUR = samples(
    speed=np.array([1, 2, np.nan, 4], np.float32),
    gear=np.array(["drive", "", "park", "drive"]),
    light=np.array([True, False, True, True]),
    wide=np.arange(8).reshape(4, 2),
    frames=np.zeros((4, 2, 3, 3), np.uint8),
)


def test_columns_have_the_names_of_features_and_numbers_where_these_are_wide():
    assert list(FeatureTable.of(FOUR).names) == ["speed", "gear", "light", "wide[0]", "wide[1]"]


def test_a_feature_as_wide_as_a_target_of_named_columns_is_named_by_these():
    named = Samples(FOUR.ids, FOUR.features, targets=Targets(np.array(["x_0", "y_0"]), np.array(["x", "y"])))
    assert list(FeatureTable.of(named).names)[-2:] == ["wide[x_0]", "wide[y_0]"]


def test_text_is_codes_of_its_sorted_categories_and_missing_where_empty_or_not_seen():
    table = FeatureTable.of(FOUR)
    assert table.categories == {"gear": ["drive", "park"]}
    assert table.categorical() == [1]
    assert_array_equal(table.matrix(FOUR)[:, 1], [0, np.nan, 1, 0])
    other = samples(**{**FOUR.features, "gear": np.array(["park", "reverse", "a", "zz"])})
    assert_array_equal(table.matrix(other)[:, 1], [1, np.nan, np.nan, np.nan])


def test_numbers_are_as_they_were_in_float32():
    matrix = FeatureTable.of(FOUR, without=["gear"]).matrix(FOUR)
    assert matrix.dtype == np.float32
    expected = np.column_stack([FOUR.features["speed"], FOUR.features["light"], FOUR.features["wide"]])
    assert_array_equal(matrix, expected)


def test_patterns_choose_features():
    assert list(FeatureTable.of(FOUR, reads=["*e*"], without=["speed"]).names) == ["gear", "wide[0]", "wide[1]"]


def test_a_pattern_that_fits_nothing_is_refused_with_the_nearest_feature():
    with pytest.raises(UsageError, match=r"No feature fits 'sped'\.\nDid you mean 'speed'\?"):
        FeatureTable.of(FOUR, reads=["sped"])


def test_samples_without_a_feature_for_a_table_are_refused_by_their_shapes():
    with pytest.raises(UsageError, match=r"No feature is left for a table; a sample has frames \(2, 3, 3\)\."):
        FeatureTable.of(samples(frames=np.zeros((4, 2, 3, 3))))


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e39])
def test_what_float32_cannot_hold_is_refused_by_column_and_sample(value):
    wide = np.zeros((4, 2))
    wide[2, 1] = value
    with pytest.raises(DataError, match=r"Feature 'wide\[1\]' is infinite for sample 102, or too large"):
        FeatureTable.of(samples(wide=wide)).matrix(samples(wide=wide))


@pytest.mark.parametrize("other", [np.zeros((4, 3)), np.array(["a", "b", "c", "d"]), np.zeros((4, 2, 1, 1))])
def test_a_feature_of_another_width_or_kind_than_was_learned_from_is_refused(other):
    table = FeatureTable.of(samples(wide=np.zeros((4, 2))))
    with pytest.raises(DataError, match=r"Feature 'wide' is .*; numbers \(4, 2\) were learned from\."):
        table.matrix(samples(wide=other))


def test_a_feature_that_is_gone_is_named():
    table = FeatureTable.of(samples(wide=np.zeros((4, 2)), speed=np.zeros(4)))
    with pytest.raises(DataError, match=r"Feature 'speed' is missing\."):
        table.matrix(samples(wide=np.zeros((4, 2))))
