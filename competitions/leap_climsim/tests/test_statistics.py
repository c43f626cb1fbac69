"""Means and deviations do not depend on how rows come, and are exact where they must be."""

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctk_leap_climsim.reading.statistics import Running


def exact(column) -> tuple[float, float]:
    """Mean and population deviation in rational numbers."""
    values = [Fraction(float(value)) for value in column]
    mean = sum(values) / len(values)
    return float(mean), float(sum((value - mean) ** 2 for value in values) / len(values)) ** 0.5


def running(rows, cuts=()) -> Running:
    statistics = Running(rows.shape[1])
    for block in np.split(rows, cuts):
        statistics.add(block)
    return statistics


@given(seed=st.integers(0, 1000), cuts=st.lists(st.integers(0, 600), max_size=5).map(sorted))
def test_blocks_of_any_size_give_the_exact_statistics(seed, cuts):
    random = np.random.default_rng(seed)
    rows = random.standard_normal((600, 3)) * [1, 1e-35, 1e6] + [0, 1e-34, 3e9]
    statistics = running(rows, cuts)
    for column in range(3):
        mean, std = exact(rows[:, column])
        assert statistics.mean[column] == pytest.approx(mean, rel=1e-13, abs=1e-15)
        assert statistics.std[column] == pytest.approx(std, rel=1e-11)


@pytest.mark.parametrize("value", [101325.0, 0.1, 1.7e-6, -1e-35, 0.0])
def test_a_constant_column_has_its_value_as_mean_and_no_deviation_at_all(value):
    rows = np.full((1000, 1), value, np.float32)
    statistics = running(rows, cuts=[1, 77, 700])
    assert statistics.mean[0] == rows[0, 0].astype(np.float64)
    assert statistics.std[0] == 0


def test_a_saved_state_goes_on_to_the_last_bit():
    rows = np.random.default_rng(0).standard_normal((900, 4)).astype(np.float32)
    whole = running(rows, cuts=[300, 600])
    begun = Running.of(json.loads(json.dumps(running(rows[:300]).state())))
    begun.add(rows[300:600])
    begun.add(rows[600:])
    np.testing.assert_array_equal(begun.mean, whole.mean)
    np.testing.assert_array_equal(begun.m2, whole.m2)
    assert begun.count == 900


def test_no_rows_change_nothing():
    statistics = running(np.ones((3, 2)))
    statistics.add(np.empty((0, 2)))
    assert (statistics.count, statistics.std.tolist()) == (3, [0, 0])
